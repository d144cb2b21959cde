import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { FetchResponse, SpawnResult, System } from '../../src/system.js'
import { fakeClock } from '../support/clock.js'
import { cli, type TestSystem, testSystem } from '../support/system.js'

const fine: SpawnResult = { code: 0, stdout: '', stderr: '' }

interface Scripted {
  system: TestSystem
  calls: string[]
  folder: string
}

/** A computer whose docker and WebAdmin answer as the test says. */
function scripted(options: {
  docker?: (args: string) => SpawnResult | Error
  health?: (poll: number) => string | Error
  platform?: NodeJS.Platform
}): Scripted {
  const calls: string[] = []
  let polls = 0
  const spawn: System['spawn'] = async (command, args) => {
    const line = [command, ...args].join(' ')
    calls.push(line)
    const answer = options.docker?.(args.join(' ')) ?? fine
    if (answer instanceof Error) throw answer
    return answer
  }
  const fetch: System['fetch'] = async () => {
    const answer = options.health?.(polls++) ?? '{"timebase":{"connected":true}}'
    if (answer instanceof Error) throw answer
    return { status: 200, headers: {}, text: async () => answer } as unknown as FetchResponse
  }
  const clock = { ...fakeClock(), sleep: async (ms: number) => void (await realClock.advance(ms)) }
  const realClock = fakeClock()
  const system = testSystem({
    spawn,
    fetch,
    clock: { ...clock, monotonic: () => realClock.monotonic() },
  })
  const host = { ...system.host, platform: options.platform ?? 'linux' }
  return { system: { ...system, host }, calls, folder: join(system.folders.data, 'timebase') }
}

const absent = Object.assign(new Error('spawn docker ENOENT'), { code: 'ENOENT' })

describe('timebase up', () => {
  it('writes the files, starts them, waits for health and shows the password once', async () => {
    const { system, calls, folder } = scripted({
      health: (poll) =>
        ['{"timebase":{"connected":false}}', '<html>', new Error('refused')][poll] ??
        '{"timebase":{"connected":true}}',
    })
    const first = await cli(['timebase', 'up'], system)
    expect(first.code).toBe(0)
    expect(calls).toEqual([
      'docker compose version',
      'docker info --format {{.ServerVersion}}',
      'docker compose up --detach',
    ])
    expect(first.out).toMatch(/Password {2}[a-zA-Z2-9]{22} {3}shown once: keep it/)
    expect(existsSync(join(folder, 'compose.yaml'))).toBe(true)
    const second = await cli(['timebase', 'up'], system)
    expect(second.out.slice(first.out.length)).not.toContain('Password')
  })

  it('starts what was asked for', async () => {
    const { system, calls } = scripted({})
    await cli(['timebase', 'up', '--https', '--clickhouse', '--domain', 'wx.example.org'], system)
    expect(calls.at(-1)).toBe('docker compose --profile https --profile clickhouse up --detach')
  })

  it('keeps an edited file and says so', async () => {
    const { system, folder } = scripted({})
    await cli(['timebase', 'up'], system)
    writeFileSync(join(folder, 'Caddyfile'), 'mine')
    const { code, err } = await cli(['timebase', 'up'], system)
    expect(code).toBe(0)
    expect(err).toContain('Caddyfile was edited and is kept; --force overwrites it.')
    expect(readFileSync(join(folder, 'Caddyfile'), 'utf8')).toBe('mine')
  })

  it('puts the password of --json into a file of its owner', async () => {
    const { system } = scripted({})
    const { out } = await cli(['timebase', 'up', '--json'], system)
    const { passwordFile } = JSON.parse(out) as { passwordFile: string }
    const password = readFileSync(passwordFile, 'utf8').trim()
    expect(password).toMatch(/^[a-zA-Z2-9]{22}$/)
    expect(out).not.toContain(password)
  })

  it('says with --dry-run what it would do, without docker', async () => {
    const { system, calls, folder } = scripted({})
    const { out } = await cli(['timebase', 'up', '--dry-run', '--clickhouse'], system)
    expect(out.replace(folder, '<folder>')).toMatchInlineSnapshot(`
      "Folder    <folder>
                compose.yaml: write
                Caddyfile: write
                clickhouse-connector.yaml: write
                first-rows.sql: write
                .env: write, with a generated password as bcrypt
      Start     timebase, webadmin, clickhouse, clickhouse-connector
      "
    `)
    expect(calls).toEqual([])
    expect(existsSync(folder)).toBe(false)
  })

  it.each([
    ['linux', 'https://docs.docker.com/engine/install/'],
    ['darwin', 'Docker Desktop'],
    ['win32', 'Docker Desktop'],
  ] as const)(
    'without docker says what to install on %s and writes nothing',
    async (platform, text) => {
      const { system, folder } = scripted({ docker: () => absent, platform })
      const { code, err } = await cli(['timebase', 'up'], system)
      expect(code).toBe(9)
      expect(err).toContain(text)
      expect(existsSync(folder)).toBe(false)
    },
  )

  it.each([
    ['no plugin', 'compose version', 'docker-missing'],
    ['no engine', 'info --format {{.ServerVersion}}', 'docker-down'],
    ['a failing start', 'compose up --detach', 'docker-failed'],
  ])('%s is its own error', async (_name, failing, code) => {
    const { system } = scripted({
      docker: (args) =>
        args === failing ? { code: 1, stdout: '', stderr: 'no space left\n' } : fine,
    })
    const ran = await cli(['timebase', 'up'], system)
    expect(ran.code).toBe(9)
    expect(ran.err).toContain(`[${code}, exit 9]`)
  })

  it('gives up after some minutes and says where to look', async () => {
    const { system } = scripted({ health: () => new Error('refused') })
    const { code, err } = await cli(['timebase', 'up'], system)
    expect(code).toBe(9)
    expect(err).toContain('wxstation timebase logs')
  })
})

describe('timebase down and logs', () => {
  it('stop and show what up started', async () => {
    const { system, calls } = scripted({})
    await cli(['timebase', 'up'], system)
    await cli(['timebase', 'logs', '--lines', '5'], system)
    expect(calls.at(-1)).toBe('docker compose --profile https --profile clickhouse logs --tail 5')
    expect((await cli(['timebase', 'down'], system)).code).toBe(0)
    expect(calls.at(-1)).toBe('docker compose --profile https --profile clickhouse down')
  })

  it.each(['down', 'logs'])('%s without compose files is an error', async (verb) => {
    const { system, calls } = scripted({})
    const { code, err } = await cli(['timebase', verb], system)
    expect(code).toBe(2)
    expect(err).toContain('timebase up')
    expect(calls).toEqual([])
  })
})
