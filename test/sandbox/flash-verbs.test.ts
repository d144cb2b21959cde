import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { eraseBoard } from '../../src/device/board-flash.js'
import { readMemory, rememberBoard } from '../../src/device/known-boards.js'
import { openLink } from '../../src/device/links/open.js'
import { probeBoard } from '../../src/device/probe.js'
import type { Event } from '../../src/events.js'
import type { StartRuntime } from '../../src/sandbox/board/runtime.js'
import { buildImage } from '../../src/sandbox/image-builder.js'
import { testBoard } from '../support/board.js'
import { holdInLoader } from '../support/flashing.js'
import { cli, temporaryFolder, testSystem } from '../support/system.js'

const speaks: StartRuntime = ({ app, transmit }) => {
  transmit(Buffer.from(`MicroPython ${app.version} on ${app.date}; Generic ESP32 module\r\n>>> `))
  return { receive: () => {}, halt: async () => {} }
}
const board = () => testBoard({ startRuntime: async () => speaks })

function imageFile(): string {
  const path = join(temporaryFolder(), 'image.bin')
  writeFileSync(path, buildImage('esp32', { version: 'v1.27.0', date: '2025-12-09' }))
  return path
}

describe('wxstation flash', () => {
  it('--dry-run --json holds the whole plan and writes nothing', async () => {
    const { rfc2217Url, flash } = await board()
    const before = flash.operations
    const { code, out } = await cli(['flash', imageFile(), '--dry-run', '--json', '-p', rfc2217Url])
    const { state, sectorsWritten, plan } = JSON.parse(out)
    expect({ code, state, sectorsWritten }).toEqual({
      code: 0,
      state: 'planned',
      sectorsWritten: 0,
    })
    expect(plan).toMatchObject({ nothingToDo: false, eraseAll: false, losesFiles: false })
    expect(plan.sectorsToWrite).toBeGreaterThan(0)
    expect(flash.operations).toBe(before)
  })

  it('--stock-partitions keeps the official table, --erase --yes wipes what was there', async () => {
    const { rfc2217Url, flash } = await board()
    flash.program(0x3f0000, Uint8Array.of(1, 2, 3))
    const argv = ['flash', imageFile(), '--stock-partitions', '--erase', '--yes', '--json']
    const { code, out } = await cli([...argv, '-p', rfc2217Url])
    expect({ code, ...JSON.parse(out) }).toMatchObject({
      ...{ code: 0, state: 'flashed', partitions: 'stock' },
      plan: { eraseAll: true, queueBytes: 0 },
    })
    expect([...flash.read(0x3f0000, 3)]).toEqual([0xff, 0xff, 0xff])
  })

  it('tells the rate it wrote at, not the console’s', async () => {
    const { rfc2217Url } = await board()
    const { out } = await cli([
      'flash',
      imageFile(),
      '--baud',
      '460800',
      '--json',
      '-p',
      rfc2217Url,
    ])
    expect(JSON.parse(out)).toMatchObject({ state: 'flashed', baud: 460_800 })
  })
})

describe('a board named by its MAC', () => {
  it.each(['rfc2217Url', 'socketUrl'] as const)(
    'that is another one on its %s is let go untouched',
    async (kind) => {
      const one = await board()
      one.flash.program(0x1000, buildImage('esp32', { version: 'v1.27.0', date: '2025-12-09' }))
      const port = one[kind]
      const system = testSystem()
      await rememberBoard(system, { mac: '24:0a:c4:99:99:99', port })
      const before = one.flash.operations
      for (const argv of [
        ['flash', imageFile()],
        ['board', 'erase', '--yes'],
      ]) {
        if (kind === 'socketUrl') await holdInLoader(one)
        const { code, err } = await cli([...argv, '-p', 'id:24:0a:c4:99:99:99'], {
          folders: system.folders,
        })
        expect({ code, err }).toEqual({
          code: 4,
          err: expect.stringMatching(/is 24:0a:c4:01:02:03, not 24:0a:c4:99:99:99/),
        })
      }
      expect(one.flash.operations).toBe(before)
    },
  )
})

it('a server that has a client already is told from a cable that was pulled', async () => {
  const { rfc2217Url } = await board()
  const first = await openLink(rfc2217Url, { baud: 115_200 }, testSystem())
  const { code, err } = await cli(['board', 'info', '-p', rfc2217Url])
  await first.close()
  expect({ code, err }).toEqual({ code: 6, err: expect.stringMatching(/no other program/) })
})

describe('several boards', () => {
  it('--retry-failed takes those that failed, and nothing else', async () => {
    const [good, bad] = [await board(), await board()]
    bad.faults.unplugged = true
    const system = testSystem()
    const { folders } = system
    const path = imageFile()
    const ports = ['--port', good.rfc2217Url, '--port', bad.rfc2217Url]
    const first = await cli(['flash', path, '--json', ...ports], { folders })
    expect(JSON.parse(first.out)).toMatchObject({ flashed: 1, failed: 1 })
    bad.faults.unplugged = false
    const planned = await cli(['flash', path, '--json', '--retry-failed', '--dry-run'], { folders })
    expect(JSON.parse(planned.out)).toMatchObject({ boards: [{ state: 'planned' }] })
    const again = await cli(['flash', path, '--json', '--retry-failed'], { folders })
    expect({ code: again.code, ...JSON.parse(again.out) }).toMatchObject({
      ...{ code: 0, flashed: 1, failed: 0 },
      boards: [{ port: bad.rfc2217Url, state: 'flashed' }],
    })
    const none = await cli(['flash', path, '--json', '--retry-failed'], { folders })
    expect(none.code).toBe(4)
  })

  it('says at once why one failed, and what to do', async () => {
    const [good, bad] = [await board(), await testBoard({ isEncrypted: true })]
    const ports = ['--port', good.rfc2217Url, '--port', bad.rfc2217Url]
    const { code, out, err } = await cli(['flash', imageFile(), ...ports])
    expect({ code, out }).toEqual({ code: 7, out: expect.stringMatching(/✖ .* secure boot/) })
    expect(err).toContain(`${bad.rfc2217Url}  ✖ This ESP32 has secure boot`)
    expect(err).toContain(`${bad.rfc2217Url}    A chip with secure boot`)
    expect(err).not.toContain(`${good.rfc2217Url}  ✖`)
  })

  it('a name that nothing here has fails alone', async () => {
    const good = await board()
    const ports = ['--port', good.rfc2217Url, '--port', 'id:nothing']
    const { code, out } = await cli(['flash', imageFile(), '--json', ...ports])
    expect(JSON.parse(out)).toMatchObject({
      ...{ flashed: 1, failed: 1 },
      boards: [{ state: 'flashed' }, { port: 'id:nothing', error: { code: 'PORT_ABSENT' } }],
    })
    expect(code).toBe(4)
  })

  it('--all beside a named board is refused: it would flash the others too', async () => {
    const one = await board()
    const argv = ['flash', imageFile(), '--all', '--port', one.rfc2217Url]
    const { code, err } = await cli(argv)
    expect({ code, err }).toEqual({ code: 2, err: expect.stringMatching(/'--all' cannot be used/) })
    expect(one.flash.operations).toBe(0)
  })

  it('--retry-failed holds those that were named by their MAC to it', async () => {
    const [good, other] = [await board(), await board()]
    const system = testSystem()
    const { folders } = system
    await rememberBoard(system, { mac: '24:0a:c4:99:99:99', port: other.rfc2217Url })
    const ports = ['--port', good.rfc2217Url, '--port', 'id:24:0a:c4:99:99:99']
    const first = await cli(['flash', imageFile(), '--json', ...ports], { folders })
    expect(JSON.parse(first.out)).toMatchObject({ flashed: 1, failed: 1 })
    const again = await cli(['flash', imageFile(), '--json', '--retry-failed'], { folders })
    expect(JSON.parse(again.out)).toMatchObject({ flashed: 0, failed: 1 })
    expect(other.flash.operations).toBe(0)
  })
})

describe('a probe', () => {
  it('tells chip and MAC, remembers them, and lets the board start again', async () => {
    let starts = 0
    const one = await testBoard({
      startRuntime: async () => {
        starts++
        return speaks
      },
    })
    one.flash.program(0x1000, buildImage('esp32', { version: 'v1.27.0', date: '2025-12-09' }))
    const system = testSystem()
    const signal = new AbortController().signal
    const { chip, mac } = await probeBoard(one.rfc2217Url, system, { report: () => {}, signal })
    expect({ chip, mac }).toEqual({ chip: 'ESP32', mac: '24:0a:c4:01:02:03' })
    expect((await readMemory(system)).boards).toMatchObject([{ mac, port: one.rfc2217Url }])
    await expect.poll(() => starts).toBeGreaterThan(0)
  })
})

it('ports --probe shows MAC and flash beside the USB serial, and the name given for a MAC', async () => {
  const one = await board()
  const bridge = { vendorId: 0x10c4, productId: 0xea60 }
  const silent = { path: 'socket://127.0.0.1:9', serialNumber: '77AB', ...bridge }
  const system = testSystem({
    serial: {
      list: async () => [{ path: one.rfc2217Url, serialNumber: '0001', ...bridge }, silent],
    },
  })
  expect((await cli(['alias', 'roof', '24:0A:C4:01:02:03'], system)).code).toBe(0)
  const { code } = await cli(['ports', '--probe'], system)
  const lines = system.out().split('\n')
  const line = (start: string) => lines.find((text) => text.startsWith(start))?.split(/ {2,}/)
  expect(code).toBe(0)
  expect(line('Port')?.slice(3)).toEqual(['USB serial', 'MAC', 'Flash', 'Alias', 'State'])
  expect(line(one.rfc2217Url)?.slice(3, 7)).toEqual(['0001', '24:0a:c4:01:02:03', '4 MB', 'roof'])
  expect(line(silent.path)?.slice(3)).toEqual(['77AB', expect.any(String)])
  expect(system.out()).toMatch(/! socket:\/\/127\.0\.0\.1:9: There is no board/)
  expect((await cli(['ports', '--probe', '--watch'], system)).code).toBe(2)
})

describe('wxstation board', () => {
  it('erase that ends before its end says so', async () => {
    const { rfc2217Url } = await testBoard({ wiring: { pacing: true } })
    const notices: string[] = []
    const stop = new AbortController()
    const report = (event: Event) => {
      if (event.type === 'notice') notices.push(event.notice)
      if (event.type === 'stage' && event.stage === 'erase')
        setTimeout(() => stop.abort(new Error('pulled')), 20)
    }
    const options = { port: rfc2217Url, waitForButtons: false }
    const work = eraseBoard(options, testSystem(), { report, signal: stop.signal })
    await expect(work).rejects.toThrow('pulled')
    expect(notices).toEqual(['half-erased'])
  })

  it('info shows chip, flash and partitions', async () => {
    const { rfc2217Url, flash } = await board()
    flash.program(0x1000, buildImage('esp32', { version: 'v1.27.0', date: '2025-12-09' }))
    const { code, err, out } = await cli(['board', 'info', '-p', rfc2217Url])
    expect(code).toBe(0)
    expect(err).toMatch(/ESP32 rev .* 4 MB .*24:0a:c4:01:02:03/)
    expect(out).toMatch(/App +MicroPython v1\.27\.0 · .* · IDF /)
    expect(out).toMatch(/no queue: `wxstation flash micropython`/)
    expect(out).toMatch(/factory\s+app\s+0x10000/)
  })

  it('info of a board without firmware says what to do next', async () => {
    const { rfc2217Url } = await board()
    const { code, out } = await cli(['board', 'info', '-p', rfc2217Url])
    expect(code).toBe(0)
    expect(out).toBe('  no partition table\n  Next: wxstation flash micropython\n')
  })

  it('erase and restore want a word first where nobody can be asked', async () => {
    const { rfc2217Url, flash } = await board()
    flash.program(0x5000, Uint8Array.of(1))
    const file = join(temporaryFolder(), 'blank.bin')
    writeFileSync(file, new Uint8Array(4096).fill(0xff))
    for (const argv of [
      ['board', 'erase'],
      ['board', 'restore', file, '--offset', '0x5000'],
    ]) {
      const { code, err } = await cli([...argv, '-p', rfc2217Url])
      expect({ code, err }).toEqual({ code: 2, err: expect.stringMatching(/--yes/) })
    }
    expect(flash.read(0x5000, 1)[0]).toBe(1)
    expect((await cli(['board', 'erase', '--yes', '-p', rfc2217Url])).code).toBe(0)
    expect(flash.read(0x5000, 1)[0]).toBe(0xff)
  })
})
