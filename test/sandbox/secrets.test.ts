import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { auth, usualNetworks } from '../../src/sandbox/board/air.js'
import { type Bench, provisionBench } from '../support/bench.js'
import { type Ran, start } from '../support/program.js'
import { commandLines, filesBelow, formsOf, tracesIn } from '../support/secret-traces.js'

// Quotes, a backslash and what URLs escape: each encoding of them looks different.
const secrets = {
  wifi: 'wifi "m4rk\\ed" é&=%',
  timebase: 'tb+"m4rk\\ed" ü/?&=%',
  webrepl: 'w"m4\\k&%',
  accessPoint: 'ap "m4rk\\ed" ñ&=%',
  wrongWifi: 'no-wifi "m4rk\\ed" &=%',
  wrongLogin: 'no-tb "m4rk\\ed" ö&=%',
  listed: 'list "m4rk\\ed" å&=%',
}

describe('the search for secrets', () => {
  it.each(Object.entries(secrets))('knows every form of %s', (name, secret) => {
    const around = (text: string): string => `${text.slice(0, 2)}${secret}${text}`
    const texts = ['', 'a', 'ab'].flatMap((text) => [
      around(text),
      JSON.stringify({ inner: JSON.stringify({ secret: around(text) }) }),
      encodeURIComponent(around(text)),
      new URLSearchParams({ a: around(text) }).toString(),
      Buffer.from(around(text)).toString('hex'),
      Buffer.from(around(text)).toString('base64'),
      Buffer.from(around(text)).toString('base64url'),
    ])
    for (const text of texts) expect(tracesIn(text, secrets).join(), text).toContain(name)
    for (const form of Object.values(formsOf(secret))) expect(form.length).toBeGreaterThan(7)
  })
})

/** Boards are provisioned in every way in which a secret can be given, and in every way that fails. */
describe.concurrent('secrets of a station', { timeout: 150_000 }, () => {
  let bench: Bench
  let env: Record<string, string>
  let folders: { work: string; given: string; home: string; tmp: string; user: string }

  beforeAll(async () => {
    const near = { ...usualNetworks[0], auth: auth.wpa2, password: secrets.wifi }
    const networks = [near, ...usualNetworks.slice(1)] as typeof usualNetworks
    bench = await provisionBench(4, { networks, password: secrets.timebase })
    const below = (name: string): string => {
      const path = join(bench.folder, name)
      mkdirSync(path, { recursive: true })
      return path
    }
    folders = {
      ...{ work: below('work'), given: below('given'), home: below('home') },
      ...{ tmp: below('tmp'), user: below('user') },
    }
    env = { ...bench.env, TMPDIR: folders.tmp, HOME: folders.user }
  })
  // Concurrent cases end in any order: files are looked through when all have ended.
  afterAll(async () => {
    try {
      searchFiles()
    } finally {
      await bench?.stop()
    }
  })

  function searchFiles(): void {
    const failed = bench.data('failed.json')
    const written = Object.entries(folders)
      .filter(([name]) => name !== 'given')
      .flatMap(([, folder]) => filesBelow(folder))
    expect(written).toContain(bench.data('inventory.json'))
    const holders = written.filter(
      (path) => tracesIn(readFileSync(path, 'latin1'), secrets).length > 0 || path === failed,
    )
    expect(holders).toEqual([failed])
    expect(tracesIn(readFileSync(failed, 'utf8'), secrets)).not.toEqual([])
    expect(statSync(failed).mode & 0o777).toBe(0o600)
  }

  /** Runs the program and searches what it printed and how others saw it meanwhile. */
  async function searched(
    argv: string[],
    { input, without = [], more = {} }: { input?: string; without?: string[]; more?: object } = {},
  ): Promise<Ran> {
    const kept = Object.entries({ ...env, ...more }).filter(([name]) => !without.includes(name))
    const program = start(argv, Object.fromEntries(kept), folders.work, {
      ...(input !== undefined && { input }),
    })
    let isOver = false
    const lines = new Set<string>()
    const watching = (async () => {
      while (!isOver) {
        for (const line of commandLines(program.child.pid ?? 0)) lines.add(line)
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    })()
    const ran = await program.done
    isOver = true
    await watching
    expect([...lines].join('\n')).toContain(argv[0])
    expect(tracesIn([ran.out, ran.err, ...lines].join('\n'), secrets)).toEqual([])
    return ran
  }

  const given = (name: string, content: unknown): string => {
    const path = join(folders.given, name)
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
    return path
  }
  const board = (n: number): { WXSTATION_PORT: string } => ({
    WXSTATION_PORT: bench.sandbox.boards[n]?.rfc2217Url ?? '',
  })

  it('stay secret: from the environment, in a run that ends well', async () => {
    const ran = await searched(['provision', '--wifi', '--debug'], { more: board(0) })
    expect(ran.code, ran.err).toBe(0)
    const again = await searched(
      ['provision', '--dry-run', '--json', '--debug', '--set', 'led=4'],
      {
        more: board(0),
      },
    )
    expect(again.code, again.err).toBe(0)
    const set = await searched(['config', 'set', 'ap_password=-', '--debug'], {
      input: secrets.accessPoint,
      more: board(0),
    })
    expect(set.code, set.err).toBe(0)
    for (const argv of [
      ['wifi', 'list'],
      ['wifi', 'list', '--json'],
      ['config', 'show'],
    ]) {
      const shown = await searched(argv, { more: board(0) })
      expect(shown.out, shown.err).toContain('••••••')
    }
  })

  it('stay secret: from files and standard input', async () => {
    const from = given('station.json', {
      ...{ version: 1, password: secrets.timebase, webrepl_password: secrets.webrepl },
    })
    const file = given('wifi.txt', `${secrets.wifi}\n`)
    const argv = [
      'provision',
      '--wifi',
      '--password-file',
      file,
      '--from',
      from,
      '--set',
      'ap_password=-',
    ]
    const ran = await searched([...argv, '--json', '--debug'], {
      input: `${secrets.accessPoint}\n`,
      without: ['WXSTATION_WIFI_PASSWORD'],
      more: board(1),
    })
    expect(ran.code, ran.out + ran.err).toBe(0)
    expect(JSON.stringify(JSON.parse(ran.out))).toMatch(/ap_password.*••••••/)
  })

  it('stay secret: a password that the network refuses, and a server the board does not reach', async () => {
    const refused = await searched(
      ['provision', '--wifi', '--password-stdin', '--json', '--debug'],
      {
        input: secrets.wrongWifi,
        without: ['WXSTATION_WIFI_PASSWORD'],
        more: board(2),
      },
    )
    expect(refused.code, refused.out).toBe(8)
    const argv = ['provision', '--wifi', '--board-url', 'http://192.168.77.1:1', '--debug']
    const dead = await searched(argv, { more: board(2) })
    expect(dead.code, dead.err).toBe(9)
  })

  it.each([
    ['a login that TimeBase refuses', { WXSTATION_TIMEBASE_PASSWORD: secrets.wrongLogin }],
    ['a server that is dead', { WXSTATION_TIMEBASE_URL: 'http://127.0.0.1:1' }],
  ])('stay secret: %s', async (_what, more) => {
    for (const options of [['--debug'], ['--json']]) {
      const ran = await searched(['provision', '--wifi', ...options], { more })
      expect(ran.code, ran.out + ran.err).toBe(9)
    }
  })

  it.each([
    ['a file that is no JSON', `{"password": "${secrets.listed}"`],
    ['a secret that is too long', { webrepl_password: `${secrets.listed}, much too long` }],
    [
      'a secret that is no text',
      { version: 1, networks: [{ ssid: 'a', password: [secrets.listed] }] },
    ],
    ['a secret under another name', { version: 1, passwrd: secrets.listed }],
  ])('stay secret: settings that are refused, %s', async (what, content) => {
    const from = given(`${what.replaceAll(' ', '-')}.json`, content)
    const ran = await searched(['provision', '--from', from, '--debug'])
    expect(ran.code, ran.err).toBe(3)
  })

  it('stay secret: a list of boards, of which one fails', async () => {
    const boards = [board(3).WXSTATION_PORT, 'socket://127.0.0.1:9'].map((port) => ({
      ...{ port, settings: { ap_password: secrets.listed } },
    }))
    const list = given('list.json', boards)
    const ran = await searched(['provision', '--list', list, '--wifi', '--debug'])
    expect(ran.code, ran.err).toBe(4)
    const again = await searched(['provision', '--retry-failed', '--json'])
    expect(again.code, again.out).toBe(4)
  })
})
