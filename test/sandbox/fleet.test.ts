import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Bench, provisionBench } from '../support/bench.js'
import { type Ran, start } from '../support/program.js'

interface Answer {
  boards: { port: string; changed?: boolean; error?: { code: string; exitCode: number } }[]
}

describe('provision of many boards', { timeout: 120_000 }, () => {
  const dead = 'socket://127.0.0.1:9'
  let bench: Bench
  let env: Record<string, string>

  beforeAll(async () => {
    bench = await provisionBench(2)
    const { WXSTATION_WIFI_PASSWORD: _, ...rest } = bench.env
    env = rest
  })
  afterAll(() => bench?.stop())

  const failedFile = (): string => bench.data('failed.json')

  function provision(args: string[], input: string): Promise<Ran> {
    const { child, done } = start(['provision', ...args, '--json'], env, undefined, { input })
    expect(child.pid).toBeTypeOf('number')
    return done
  }

  it('serves all with one password, and tells the one that fails', async () => {
    const [a, b] = bench.sandbox.boards
    const list = join(bench.folder, 'list.csv')
    const lines = ['port,name', `${a?.rfc2217Url},East`, `${b?.rfc2217Url},West`, `${dead},Gone`]
    writeFileSync(list, `${lines.join('\n')}\n`)
    const password = String(bench.env.WXSTATION_WIFI_PASSWORD)
    const argv = ['--list', list, '--wifi', '--ssid', 'Rooftop', '--password-stdin']
    const { code, out, err } = await provision(argv, password)
    const { boards } = JSON.parse(out) as Answer
    expect(
      boards.map(({ changed, error }) => error?.code ?? changed),
      err,
    ).toEqual([true, true, 'PORT_ABSENT'])
    expect(code).toBe(Math.max(...boards.map(({ error }) => error?.exitCode ?? 0)))
    expect(JSON.parse(readFileSync(failedFile(), 'utf8'))).toMatchObject([{ port: dead }])
    expect(statSync(failedFile()).mode & 0o777).toBe(0o600)
    const inventory = readFileSync(bench.data('inventory.json'), 'utf8')
    expect(inventory).toContain('East')
    expect(inventory).toContain('West')
  })

  it.each([
    ['in the list', 'port,symbol', ['roof', 'roof'], []],
    ['for all', 'port,name', ['East', 'West'], ['--symbol', 'roof']],
  ])(
    'refuses one symbol for two boards before one is opened: %s',
    async (_where, titles, [a, b], argv) => {
      const list = join(bench.folder, 'same.csv')
      writeFileSync(list, `${titles}\n${dead},${a}\nsocket://127.0.0.1:10,${b}\n`)
      const { code, out } = await provision(['--list', list, ...argv], '')
      expect(code, out).toBe(3)
      expect(JSON.parse(out)).toMatchObject({ error: { code: 'SETTINGS_INVALID' } })
      expect(JSON.parse(readFileSync(failedFile(), 'utf8'))).toHaveLength(1)
    },
  )

  it('tries the failed ones again, and sums up what a ceiling cut short', async () => {
    const again = await provision(['--retry-failed'], '')
    expect((JSON.parse(again.out) as Answer).boards.map(({ port }) => port)).toEqual([dead])
    const told = await start(['provision', '--retry-failed'], env).done
    expect(told.err).toContain(`Gone  ✖ There is no board at ${dead}`)
    const [a] = bench.sandbox.boards
    const list = join(bench.folder, 'one.json')
    const board = { port: a?.rfc2217Url, settings: { upload_interval: 20 } }
    writeFileSync(list, JSON.stringify([board]))
    const cut = await provision(['--list', list, '--timeout', '2s'], '')
    const { boards } = JSON.parse(cut.out) as Answer
    expect(boards.map(({ error }) => error?.code)).toEqual(['TIMEOUT'])
    expect(JSON.parse(readFileSync(failedFile(), 'utf8'))).toHaveLength(1)
  })
})
