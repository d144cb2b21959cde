import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type ChipName, chips } from '../../../src/device/boards.js'
import type { ChipFacts } from '../../../src/device/chip-facts.js'
import { cacheFolder } from '../../../src/device/download.js'
import {
  type FirmwareSource,
  obtainFirmware,
  readSource,
} from '../../../src/device/firmware-source.js'
import type { Event } from '../../../src/events.js'
import { buildImage } from '../../../src/sandbox/image-builder.js'
import type { System } from '../../../src/system.js'
import { fakeSite } from '../../support/fake-site.js'
import { cli, temporaryFolder, testSystem } from '../../support/system.js'

const megabyte = 1024 * 1024
const image = (chip: 'esp32' | 'esp32c3', version = 'v1.27.0'): Uint8Array =>
  buildImage(chip, { version, date: '2025-12-09' })

function chipFacts(chip: ChipName, flashSizeBytes = 4 * megabyte): ChipFacts {
  const mac = Uint8Array.of(1, 2, 3, 4, 5, 6)
  return { chip, flashSizeBytes, revision: 300, mac, flashId: 0, isSecured: false }
}

async function obtain(
  source: FirmwareSource,
  facts: ChipFacts,
  system: System,
  report: (event: Event) => void = () => {},
) {
  return obtainFirmware(source, facts, system, { report, signal: new AbortController().signal })
}

const online = { mirror: undefined, offline: false }
const page = (board: string, ...files: string[]): string =>
  files.map((file) => `<a href="/resources/firmware/${board}${file}.bin">`).join('\n')

describe("the publisher's page", () => {
  const site = (url: string) => {
    if (url === 'https://micropython.org/download/ESP32_GENERIC/') {
      const files = [
        '-20261001-v1.30.0',
        '-20261002-v1.31.0-preview.4.g0abc',
        '-D2WD-20261001-v1.30.0',
      ]
      return { body: page('ESP32_GENERIC', ...files) }
    }
    return url.endsWith('.bin') ? { body: image('esp32', 'v1.30.0') } : undefined
  }

  it.each([
    ['micropython@latest', 4, 'ESP32_GENERIC-20261001-v1.30.0.bin'],
    ['micropython@1.30.0', 4, 'ESP32_GENERIC-20261001-v1.30.0.bin'],
    ['micropython', 2, 'ESP32_GENERIC-D2WD-20261001-v1.30.0.bin'],
  ])('has what the catalog has not: %s on a chip with %i MB', async (name, size, file) => {
    const { system, asked } = fakeSite(site)
    const source = await readSource(name, online, system)
    const got = await obtain(source, chipFacts('esp32', size * megabyte), system)
    expect(got.version).toBe('1.30.0')
    expect(asked.at(-1)?.url).toBe(`https://micropython.org/resources/firmware/${file}`)
  })

  it('that names no release is no such page, and is not kept', async () => {
    const { system } = fakeSite(() => ({ body: '<html>Welcome to the hotel</html>' }))
    const source = await readSource('micropython@latest', online, system)
    await expect(obtain(source, chipFacts('esp32'), system)).rejects.toMatchObject({
      code: 'FIRMWARE_CORRUPT',
    })
    expect(await system.files.stat(cacheFolder(system))).toBeUndefined()
  })
})

describe('Espruino', () => {
  it.each([
    ['espruino@2v24', 'esp32', 'espruino_2v24_esp32/espruino_esp32.bin'],
    ['espruino@2v27', 'esp32c3', 'espruino_2v27_esp32c3/espruino_esp32c3.bin'],
    ['espruino', 'esp32s3', 'espruino_2v25_esp32s3/espruino_esp32s3.bin'],
  ] as const)('%s for the %s is where its folder must be', async (name, chip, app) => {
    const { system, asked } = fakeSite(() => undefined)
    const source = await readSource(name, online, system)
    await expect(obtain(source, chipFacts(chip), system)).rejects.toMatchObject({
      code: 'FIRMWARE_UNKNOWN',
    })
    const folder = `https://www.espruino.com/binaries/${app.split('/')[0]}`
    expect(asked[0]?.url).toBe(`${folder}/bootloader.bin`)
  })

  it('is put together from its three files', async () => {
    const whole = image('esp32')
    const { system, asked } = fakeSite((url) => {
      if (url.endsWith('bootloader.bin')) return { body: whole.subarray(0, 0x7000) }
      if (url.endsWith('partitions_espruino.bin')) return { body: whole.subarray(0x7000, 0x7c00) }
      return { body: whole.subarray(0xf000) }
    })
    const source = await readSource('espruino@2v24', online, system)
    const got = await obtain(source, chipFacts('esp32'), system)
    expect(got).toMatchObject({ runtime: 'espruino', version: '2v24', image: { kind: 'combined' } })
    expect(Buffer.from(got.image.bytes).equals(Buffer.from(whole))).toBe(true)
    expect(asked).toHaveLength(3)
  })

  it('has no build for other chips', async () => {
    const { system, asked } = fakeSite(() => undefined)
    const source = await readSource('espruino@2v24', online, system)
    await expect(obtain(source, chipFacts('esp32c6'), system)).rejects.toMatchObject({
      code: 'FIRMWARE_UNKNOWN',
    })
    expect(asked).toHaveLength(0)
  })
})

it.each(['classroom', '/srv/firmware', 'ftp://mirror.lan/'])(
  'a mirror "%s" is a wrong setting, no fault',
  async (mirror) => {
    const { system, asked } = fakeSite(() => undefined)
    const source = await readSource('micropython', { mirror, offline: false }, system)
    await expect(obtain(source, chipFacts('esp32'), system)).rejects.toMatchObject({
      code: 'SETTINGS_INVALID',
      message: expect.stringContaining(mirror),
    })
    expect(asked).toEqual([])
  },
)

it('what a network without an answer said is named', async () => {
  const down = Object.assign(new Error('down'), { code: 'ENOTFOUND' })
  const system = testSystem({ fetch: () => Promise.reject(down) })
  const source = await readSource('micropython', { mirror: 'http://m.lan', offline: false }, system)
  await expect(obtain(source, chipFacts('esp32'), system)).rejects.toMatchObject({
    message: 'http://m.lan/catalog.json cannot be fetched: ENOTFOUND.',
  })
})

describe('a file', () => {
  it.each([
    ['empty', '', /empty\.bin cannot be flashed: it is empty/],
    ['no image', '<html>', /it is no ESP32 image/],
  ])('that is %s is told so', async (name, content, message) => {
    const path = join(temporaryFolder(), `${name}.bin`)
    writeFileSync(path, content)
    await expect(readSource(path, online, testSystem())).rejects.toThrow(message)
  })

  it.each(['stat', 'read'] as const)('that may not be opened (%s) is no fault', async (step) => {
    const path = join(temporaryFolder(), 'closed.bin')
    writeFileSync(path, 'x')
    const system = testSystem()
    const closed = async (asked: string): Promise<unknown> => {
      if (asked === path) throw Object.assign(new Error('closed'), { code: 'EACCES' })
      return system.files[step](asked)
    }
    const files = { ...system.files, [step]: closed }
    await expect(readSource(path, online, { ...system, files })).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
    })
    const restore = ['board', 'restore', path, '--yes', '--port', 'socket://127.0.0.1:9']
    expect((await cli(restore, { files })).code).toBe(2)
  })
})

describe('what came over the network', () => {
  it('is not trusted when it is a sign-in page', async () => {
    let signedIn = false
    const whole = image('esp32')
    const { system } = fakeSite((url) =>
      signedIn
        ? { body: url.endsWith('/') ? page('ESP32_GENERIC', '-20261001-v1.30.0') : whole }
        : {
            body: url.endsWith('/')
              ? page('ESP32_GENERIC', '-20261001-v1.30.0')
              : ' <!doctype html>',
          },
    )
    const first = await readSource('micropython@latest', online, system)
    await expect(obtain(first, chipFacts('esp32'), system)).rejects.toMatchObject({
      code: 'FIRMWARE_CORRUPT',
      hint: expect.stringMatching(/Sign in/),
    })
    signedIn = true
    const second = await readSource('micropython@latest', online, system)
    expect((await obtain(second, chipFacts('esp32'), system)).version).toBe('1.30.0')
  })

  it('is not trusted when it is for another chip', async () => {
    const { system } = fakeSite((url) =>
      url.endsWith('/')
        ? { body: page('ESP32_GENERIC', '-20261001-v1.30.0') }
        : { body: image('esp32c3') },
    )
    const source = await readSource('micropython@latest', online, system)
    await expect(obtain(source, chipFacts('esp32'), system)).rejects.toMatchObject({
      code: 'FIRMWARE_CORRUPT',
      message: expect.stringMatching(/for the ESP32-C3, not for the ESP32/),
    })
  })

  it('comes once for several boards at a time', async () => {
    const { system, asked } = fakeSite((url) =>
      url.endsWith('/')
        ? { body: page('ESP32_GENERIC', '-20261001-v1.30.0') }
        : { body: image('esp32') },
    )
    const source = await readSource('micropython@latest', online, system)
    const all = await Promise.all([1, 2, 3].map(() => obtain(source, chipFacts('esp32'), system)))
    expect(new Set(all.map(({ sha256 }) => sha256)).size).toBe(1)
    expect(asked.filter(({ url }) => url.endsWith('.bin'))).toHaveLength(1)
  })
})

describe('a file of the whole flash', () => {
  it.each(['esp32', 'esp32c3'] as const)(
    'is taken for the %s from where its image begins',
    async (chip) => {
      const path = join(temporaryFolder(), 'dump.bin')
      const lead = new Uint8Array(chips[chip].bootloaderOffset).fill(0xff)
      writeFileSync(path, Buffer.concat([lead, image(chip)]))
      const source = await readSource(path, online, testSystem())
      const { offset, header } = (source as FirmwareSource & { kind: 'file' }).image
      expect({ offset, chip: header.chip }).toEqual({ offset: chips[chip].bootloaderOffset, chip })
    },
  )
})
