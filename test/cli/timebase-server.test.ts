import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compare } from 'bcryptjs'
import { describe, expect, it } from 'vitest'
import type { FetchResponse, SpawnResult, System } from '../../src/system.js'
import { fakeClock } from '../support/clock.js'
import { cli, type TestSystem, testSystem } from '../support/system.js'

const fine: SpawnResult = { code: 0, stdout: '', stderr: '' }

interface Scripted {
  system: TestSystem
  calls: string[]
  /** Addresses that were asked. */
  asked: string[]
  folder: string
}

/** A computer whose docker and WebAdmin answer as the test says. */
function scripted(options: {
  docker?: (args: string) => SpawnResult | Error
  health?: (poll: number) => string | Error
  platform?: NodeJS.Platform
}): Scripted {
  const calls: string[] = []
  const asked: string[] = []
  let polls = 0
  const spawn: System['spawn'] = async (command, args) => {
    const line = [command, ...args].join(' ')
    calls.push(line)
    const answer = options.docker?.(args.join(' ')) ?? fine
    if (answer instanceof Error) throw answer
    return answer
  }
  const fetch: System['fetch'] = async (url) => {
    asked.push(url)
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
  return {
    system: { ...system, host },
    calls,
    asked,
    folder: join(system.folders.data, 'timebase'),
  }
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

  it('keeps the password of a start that failed, and shows it when one goes well', async () => {
    let docker: SpawnResult = { code: 1, stdout: '', stderr: 'port is taken\n' }
    const { system, folder } = scripted({
      docker: (args) => (args.includes('up') ? docker : fine),
    })
    const file = join(folder, 'admin-password')
    const failed = await cli(['timebase', 'up'], system)
    expect(failed.code).toBe(9)
    expect(failed.err).toContain(file)
    const password = readFileSync(file, 'utf8').trim()
    if (process.platform !== 'win32') expect(statSync(file).mode & 0o777).toBe(0o600)
    const hash = /WX_ADMIN_HASH='(.+)'/.exec(readFileSync(join(folder, '.env'), 'utf8'))?.[1]
    expect(await compare(password, hash ?? '')).toBe(true)
    docker = fine
    const { code, out } = await cli(['timebase', 'up'], system)
    expect(code).toBe(0)
    expect(out).toContain(`Password  ${password}   shown once`)
    expect(existsSync(file)).toBe(false)
  })

  it('keeps what an earlier run chose, follows new flags, and asks where it listens', async () => {
    const { system, asked, folder } = scripted({})
    const env = (): string => readFileSync(join(folder, '.env'), 'utf8')
    const up = async (...flags: string[]): Promise<string | undefined> => {
      expect((await cli(['timebase', 'up', ...flags], system)).code).toBe(0)
      return asked.at(-1)
    }
    expect(await up('--port', '9000')).toBe('http://localhost:9000/api/v0/v')
    expect(await up()).toBe('http://localhost:9000/api/v0/v')
    expect(await up('--bind', '192.168.1.5')).toBe('http://192.168.1.5:9000/api/v0/v')
    await up('--user', 'roof', '--domain', 'wx.example.org')
    expect(env()).toContain("WX_ADMIN_USER='roof'")
    expect(env()).toContain("WX_DOMAIN='wx.example.org'")
    expect(env()).toContain("WX_PORT='9000'")
  })

  it('copies the streams of the settings, and those it copied where nobody chose any', async () => {
    const { system, folder } = scripted({})
    const chosen = { ...system, env: { ...system.env, WXSTATION_STREAM: 'garden' } }
    const first = await cli(['timebase', 'up', '--clickhouse'], chosen)
    expect(first.out).toContain('`docker compose restart clickhouse-connector`')
    const second = await cli(['timebase', 'up', '--clickhouse'], system)
    expect(second.out.slice(first.out.length)).not.toContain('clickhouse-connector')
    const env = readFileSync(join(folder, '.env'), 'utf8')
    expect(env).toContain("WX_STREAM='garden'")
    expect(env).toContain("WX_STATUS_STREAM='station_status'")
  })

  it.each([
    ['--port', '70000'],
    ['--bind', 'localhost'],
    ['--user', "o'hara"],
    ['--domain', 'https://x'],
  ])('%s %s is refused before anything is written', async (...flags) => {
    const { system, calls } = scripted({})
    expect((await cli(['timebase', 'up', ...flags], system)).code).toBe(2)
    expect(calls).toEqual([])
  })

  it('starts what was asked for', async () => {
    const { system, calls } = scripted({})
    await cli(['timebase', 'up', '--https', '--clickhouse', '--domain', 'wx.example.org'], system)
    const started = 'docker compose --profile https --profile clickhouse up --detach'
    expect(calls.at(-1)).toBe(started)
    const { out } = await cli(['timebase', 'up'], system)
    expect(calls.filter((call) => call === started)).toHaveLength(2)
    expect(out).toContain('Address   http://localhost:8099 and https://wx.example.org')
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
      Address   http://localhost:8099
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

  it('says of a failing start what to try, for the folder that was given', async () => {
    const { system } = scripted({
      docker: (args) =>
        args.includes('up') ? { code: 1, stdout: '', stderr: 'port is already allocated' } : fine,
    })
    const { err } = await cli(['timebase', 'up', '--folder', 'here'], system)
    expect(err).toContain('choose another with --port; `wxstation timebase logs --folder here`')
  })

  it('is no fault where its folder is a file', async () => {
    const { system } = scripted({})
    writeFileSync(join(system.cwd, 'file'), '')
    const { code, err } = await cli(
      ['timebase', 'up', '--folder', join(system.cwd, 'file')],
      system,
    )
    expect({ code, err }).toEqual({
      code: 2,
      err: expect.stringContaining('file cannot be written: something else is there.'),
    })
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
    const { system, calls, folder } = scripted({})
    await cli(['timebase', 'up'], system)
    await cli(['timebase', 'logs', '--lines', '5'], system)
    expect(calls.at(-1)).toBe('docker compose --profile https --profile clickhouse logs --tail 5')
    expect((await cli(['timebase', 'down'], system)).code).toBe(0)
    expect(calls.at(-1)).toBe('docker compose --profile https --profile clickhouse down')
    await cli(['timebase', 'up', '--folder', folder], system)
    const { out } = await cli(['timebase', 'down', '--folder', folder], system)
    expect(out).toContain(`Next: wxstation timebase up --folder ${folder}`)
  })

  it.each(['down', 'logs'])('%s without compose files is an error', async (verb) => {
    const { system, calls } = scripted({})
    const { code, err } = await cli(['timebase', verb], system)
    expect(code).toBe(2)
    expect(err).toContain('timebase up')
    expect(calls).toEqual([])
  })
})
