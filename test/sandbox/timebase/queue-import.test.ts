import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { writePartitionTable } from '../../../src/device/partitions.js'
import { computer, gatewayEnv, testGateway } from '../../support/gateway.js'
import { keyEntry, queuePage } from '../../support/queue-page.js'
import { cli, type TestSystemOptions } from '../../support/system.js'

const start = (Date.UTC(2026, 10, 1) - Date.UTC(2020, 0, 1)) / 1000

/** A flash with a queue of 200 records, the first 120 acknowledged. */
function flash(): Uint8Array {
  const page = queuePage(
    { number: 0, acknowledged: 120, isSet: true, zeroSeconds: start - 5 },
    Array.from({ length: 200 }, (_, i) =>
      keyEntry(i, start + 2 * i, true, 1, [200 + (i % 9), 480, i % 5 ? 221 : -2048, 101325 + i]),
    ),
  )
  const bytes = new Uint8Array(0x20000).fill(0xff)
  const place = { type: 'data', subtype: 0x40, offset: 0x10000, size: 0x10000, flags: 0 } as const
  bytes.set(writePartitionTable([{ label: 'wxqueue', ...place }]), 0x8000)
  bytes.set(page, 0x10000)
  return bytes
}

async function bench() {
  const gateway = await testGateway()
  const system = computer(gatewayEnv(gateway))
  const run = (argv: string[], options: TestSystemOptions = {}) => cli(argv, system(options))
  await run(['stream', 'create', 'garden', '--no-status'])
  const { cwd, folders } = system()
  writeFileSync(join(cwd, 'roof.bin'), flash())
  return { run, cwd, folders }
}

const outcome = (out: string): unknown => {
  const { stored, present, refused } = JSON.parse(out)
  return { stored, present, refused }
}

describe("import of a station's saved queue", () => {
  it('stores what was not acknowledged once, and with --all the rest', async () => {
    const { run, cwd } = await bench()
    const argv = ['stream', 'import', 'roof.bin', 'garden', '--symbol', 'esp123456']
    const dry = await run([...argv, '--dry-run'])
    expect(dry.err).toContain(
      'esp123456: 80 records not acknowledged; 120 before acknowledged or dropped',
    )
    expect(dry.code).toBe(0)
    const first = await run([...argv, '--json'])
    expect(outcome(first.out)).toEqual({ stored: 80, present: 0, refused: 0 })
    const second = await run([...argv, '--json'])
    expect(outcome(second.out)).toEqual({ stored: 0, present: 80, refused: 0 })
    const all = await run([...argv, '--all', '--json'])
    expect(outcome(all.out)).toEqual({ stored: 120, present: 80, refused: 0 })
    writeFileSync(join(cwd, 'alone.bin'), flash().subarray(0x10000))
    const alone = await run([...argv.with(2, 'alone.bin'), '--all', '--json'])
    expect(outcome(alone.out)).toEqual({ stored: 0, present: 200, refused: 0 })
    const { out } = await run(['stream', 'export', 'garden'])
    const lines = out.trim().split('\n')
    expect(lines).toHaveLength(200)
    expect(JSON.parse(lines[6] ?? '')).toEqual({
      $type: expect.any(String),
      symbol: 'esp123456',
      timestamp: '2026-11-01T00:00:12.000Z',
      ...{ temperature: 20.6, humidity: 48, pressure: 1013.31, case_temperature: 22.1 },
    })
  })

  it('knows the station by the MAC in the name of the file, or asks', async () => {
    const { run, cwd, folders } = await bench()
    const argv = ['stream', 'import', 'roof.bin', 'garden', '--json']
    const unknown = await run(argv)
    expect(unknown.code).toBe(2)
    expect(JSON.parse(unknown.out)).toMatchObject({
      error: { code: 'ANSWER_MISSING', hint: expect.stringContaining('--symbol') },
    })
    mkdirSync(folders.data, { recursive: true })
    const station = { mac: '24:6f:28:ab:cd:ef', symbol: 'rooftop', stream: 'garden' }
    writeFileSync(join(folders.data, 'inventory.json'), JSON.stringify({ stations: [station] }))
    expect((await run(argv)).code).toBe(2)
    writeFileSync(join(cwd, 'roof-246F28ABCDEF.bin'), flash())
    const named = await run(argv.with(2, 'roof-246F28ABCDEF.bin'))
    expect(outcome(named.out)).toMatchObject({ stored: 80 })
    const { out } = await run(['stream', 'export', 'garden', '--station', 'rooftop'])
    expect(out.trim().split('\n')).toHaveLength(80)
  })

  it('refuses what is no queue, and a symbol for a file that names its own', async () => {
    const { run, cwd } = await bench()
    writeFileSync(join(cwd, 'noise.bin'), new Uint8Array(8192))
    // Without --symbol: nobody is asked whose queue a file is that holds none.
    const noise = await run(['stream', 'import', 'noise.bin', 'garden'])
    expect(noise).toMatchObject({ code: 2, err: expect.stringContaining('no queue of a station') })
    writeFileSync(join(cwd, 'a.csv'), 'timestamp,symbol,temperature\n')
    const text = await run(['stream', 'import', 'a.csv', 'garden', '--symbol', 'a'])
    expect(text).toMatchObject({ code: 2, err: expect.stringContaining('--symbol') })
  })
})
