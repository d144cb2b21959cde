import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rememberBoard, setAlias } from '../../src/device/known-boards.js'
import { type Bench, provisionBench } from '../support/bench.js'
import type { Ran } from '../support/program.js'

interface Answer {
  changed?: boolean
  networks?: { ssid: string; password: string | null }[]
  changes?: { name: string; from: string; to: string }[]
  plan?: { add: unknown[]; change: unknown[]; unchanged: string[]; settings: unknown[] }
  error?: { code: string; message: string; exitCode: number; details?: unknown }
}

/** One bench for all cases, in order: each stands on what the one before left on the board. */
describe('a provisioned station', () => {
  let bench: Bench

  beforeAll(async () => {
    bench = await provisionBench()
  })
  afterAll(() => bench?.stop())

  const run = (...args: string[]): Promise<Ran> => bench.wxstation(...args)
  const ask = async (...args: string[]): Promise<Answer & { ran: Ran }> => {
    const ran = await run(...args, '--json')
    return { ...(JSON.parse(ran.out) as Answer), ran }
  }

  it.each([['wifi', 'list'], ['update'], ['config', 'set', 'led=4']])(
    'is asked for where there is none: %s %s',
    async (...args) => {
      const { error } = await ask(...args)
      expect(error).toMatchObject({ code: 'BOARD_FAULT', exitCode: 6 })
      expect(error?.message).toMatch(/no station/)
    },
  )

  it('is not made of another board than the alias of its port promises, nor touched', async () => {
    const mac = '24:0a:c4:99:99:99'
    const port = bench.sandbox.boards[0]?.rfc2217Url ?? ''
    await rememberBoard(bench.computer(), { mac, port })
    await setAlias(bench.computer(), 'roof', mac)
    const before = await bench.atPrompt('import os;print(os.listdir())')
    for (const verb of [['provision', '--wifi'], ['update'], ['wifi', 'set']]) {
      const { error } = await ask(...verb, '--port', 'id:roof')
      expect(error).toMatchObject({ code: 'NO_BOARD', exitCode: 4, details: { wanted: mac } })
    }
    expect(await bench.atPrompt('import os;print(os.listdir())')).toBe(before)
  })

  it('is there after provision', async () => {
    const ran = await run('provision', '--wifi')
    expect(ran.code, ran.err).toBe(0)
  })

  it('lists its networks with passwords as dots', async () => {
    const { networks, ran } = await ask('wifi', 'list')
    expect(networks).toEqual([{ ssid: 'Rooftop', password: '••••••' }])
    expect(ran.out + ran.err).not.toContain(bench.env.WXSTATION_WIFI_PASSWORD)
  })

  it('keeps its networks when a new one cannot be joined', async () => {
    const { error, ran } = await bench.withFaults({ wrongPassword: true }, () => ask('wifi', 'set'))
    expect(error).toMatchObject({ code: 'WIFI_WRONG_PASSWORD', exitCode: 8 })
    expect(ran.code).toBe(8)
    const missing = await ask('wifi', 'set', '--ssid', 'Attic 5')
    expect(missing.error).toMatchObject({ code: 'WIFI_NOT_FOUND', exitCode: 8 })
    const { networks } = await ask('wifi', 'list')
    expect(networks?.map(({ ssid }) => ssid)).toEqual(['Rooftop'])
  })

  it('joins a known network again and finds nothing to change', async () => {
    const { changed } = await ask('wifi', 'set')
    expect(changed).toBe(false)
  })

  it('refuses a password that no network takes before it looks for a board', async () => {
    const file = join(bench.folder, 'short.txt')
    writeFileSync(file, 'short\n')
    const args = ['wifi', 'set', '--password-file', file, '--port', 'socket://127.0.0.1:1']
    const { error } = await ask(...args)
    expect(error).toMatchObject({ code: 'SETTINGS_INVALID', exitCode: 3 })
  })

  it('refuses a setting beyond its limits before it looks for a board', async () => {
    const nowhere = ['--port', 'socket://127.0.0.1:1']
    const beyond = await ask('config', 'set', 'sample_interval=1', ...nowhere)
    expect(beyond.error).toMatchObject({ code: 'SETTINGS_INVALID', exitCode: 3 })
    const unknown = await ask('config', 'set', 'colour=red', ...nowhere)
    expect(unknown.error).toMatchObject({ code: 'USAGE', exitCode: 2 })
    const fine = await ask('config', 'set', 'sample_interval=30', ...nowhere)
    expect(fine.error).toMatchObject({ code: 'PORT_ABSENT' })
  })

  it('refuses a sample interval that its own upload interval is too short for', async () => {
    const { error } = await ask('config', 'set', 'sample_interval=30')
    expect(error).toMatchObject({ code: 'SETTINGS_INVALID', exitCode: 3 })
  })

  it('shows old and new values, and secrets as dots, and changes nothing in a dry run', async () => {
    const args = ['config', 'set', 'upload_interval=20', 'webrepl_password=marked-1', '--dry-run']
    const { changed, changes, ran } = await ask(...args)
    expect(changed).toBe(false)
    expect(changes).toEqual([
      { name: 'webrepl_password', from: '(none)', to: '••••••' },
      { name: 'upload_interval', from: '10 (default)', to: '20' },
    ])
    expect(ran.out + ran.err).not.toContain('marked-1')
  })

  it('takes a setting, and has it the second time', async () => {
    const ran = await run('config', 'set', 'upload_interval=20')
    expect(ran.code, ran.err).toBe(0)
    expect(ran.err).toMatch(/upload_interval: 10 \(default\) -> 20/)
    expect(ran.out).toMatch(/starts again/)
    const { changed } = await ask('config', 'set', 'upload_interval=20')
    expect(changed).toBe(false)
  })

  it('has current code, and gets it back when it was changed by hand', async () => {
    const { changed, plan } = await ask('update')
    expect(changed).toBe(false)
    expect(plan?.unchanged).toContain('main.py')
    const source = await ask('update', '--no-compile')
    expect(source.changed, source.ran.err).toBe(true)
    const back = await ask('update')
    expect(back).toMatchObject({ changed: true, plan: { settings: [] } })
    const { changes } = await ask('config', 'set', 'upload_interval=21', '--dry-run')
    expect(changes).toEqual([{ name: 'upload_interval', from: '20', to: '21' }])
  })

  it('forgets a network it knows, and names those it knows for one it does not', async () => {
    const { error } = await ask('wifi', 'remove', 'Attic 5')
    expect(error).toMatchObject({ code: 'USAGE', exitCode: 2 })
    const removed = await run('wifi', 'remove', 'Rooftop')
    expect(removed.code, removed.err).toBe(0)
    expect(removed.err).toMatch(/last network/)
    const { networks } = await ask('wifi', 'list')
    expect(networks).toEqual([])
  })
})
