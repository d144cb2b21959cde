import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Sandbox } from '../../src/sandbox/sandbox.js'
import { nodeSystem } from '../../src/system/node.js'
import { type Ran, start } from '../support/program.js'
import { builtSandbox } from '../support/sandbox.js'

type BuilderModule = typeof import('../../src/sandbox/image-builder.js')

interface Answer {
  boards: { port: string; changed?: boolean; error?: { code: string; exitCode: number } }[]
}

describe('provision of many boards', { timeout: 120_000 }, () => {
  const system = nodeSystem()
  const dead = 'socket://127.0.0.1:9'
  let sandbox: Sandbox
  let folder: string
  let env: Record<string, string>

  beforeAll(async () => {
    folder = await system.files.temporaryFolder('wxstation-fleet-')
    const { startSandbox } = await builtSandbox()
    const options = { folder: join(folder, 'bench'), boards: 2, firstPort: 0, faults: {} }
    sandbox = await startSandbox(options, system)
    const built = new URL('../../dist/sandbox/image-builder.js', import.meta.url).href
    const { buildImage } = (await import(/* @vite-ignore */ built)) as BuilderModule
    for (const board of sandbox.boards) {
      board.flash.program(0x1000, buildImage('esp32', { version: 'v1.27.0', date: '2025-12-09' }))
      await board.powerCycle()
    }
    const { WXSTATION_WIFI_PASSWORD: _, ...rest } = sandbox.environment as Record<string, string>
    env = { ...rest, WXSTATION_HOME: join(folder, 'home') }
  })

  afterAll(async () => {
    await sandbox?.stop()
    await system.files.remove(folder)
  })

  const failedFile = (): string => join(folder, 'home', 'data', 'failed.json')

  function provision(args: string[], input: string): Promise<Ran> {
    const { child, done } = start(['provision', ...args, '--json'], env, undefined, { input })
    expect(child.pid).toBeTypeOf('number')
    return done
  }

  it('serves all with one password, and tells the one that fails', async () => {
    const [a, b] = sandbox.boards
    const list = join(folder, 'list.csv')
    const lines = ['port,name', `${a?.rfc2217Url},East`, `${b?.rfc2217Url},West`, `${dead},Gone`]
    writeFileSync(list, `${lines.join('\n')}\n`)
    const password = String(sandbox.environment.WXSTATION_WIFI_PASSWORD)
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
    const inventory = readFileSync(join(folder, 'home', 'data', 'inventory.json'), 'utf8')
    expect(inventory).toContain('East')
    expect(inventory).toContain('West')
  })

  it('tries the failed ones again, and sums up what a ceiling cut short', async () => {
    const again = await provision(['--retry-failed'], '')
    expect((JSON.parse(again.out) as Answer).boards.map(({ port }) => port)).toEqual([dead])
    const [a] = sandbox.boards
    const list = join(folder, 'one.json')
    const board = { port: a?.rfc2217Url, settings: { upload_interval: 20 } }
    writeFileSync(list, JSON.stringify([board]))
    const cut = await provision(['--list', list, '--timeout', '2s'], '')
    const { boards } = JSON.parse(cut.out) as Answer
    expect(boards.map(({ error }) => error?.code)).toEqual(['TIMEOUT'])
    expect(JSON.parse(readFileSync(failedFile(), 'utf8'))).toHaveLength(1)
  })
})
