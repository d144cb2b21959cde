import { describe, expect, it } from 'vitest'
import type { Handler } from '../../src/cli/context.js'
import type { AddCommand } from '../../src/cli/main.js'
import { run } from '../../src/cli/main.js'
import { WxError } from '../../src/errors.js'
import { Secret } from '../../src/secret.js'
import { cli, testSystem } from '../support/system.js'

/** A program whose only command, `work`, does what the test says. */
function only(handler: Handler<[]>): AddCommand[] {
  return [
    (program, handle) => void program.command('work').action(handle((context) => handler(context))),
  ]
}

describe('results', () => {
  it('prints lines for people and one object for scripts', async () => {
    const list = only(async () => ({
      data: { answer: 42, password: new Secret('hunter2') },
      pretty: () => ['The answer is 42.'],
    }))
    const people = testSystem()
    expect(await run(['work'], people, list)).toBe(0)
    expect(people.out()).toBe('The answer is 42.\n')
    const scripts = testSystem()
    expect(await run(['work', '--json'], scripts, list)).toBe(0)
    expect(JSON.parse(scripts.out())).toEqual({ answer: 42, password: '••••••' })
    expect(scripts.err()).toBe('')
  })

  it('tells people what they do next, unless it is to be quiet', async () => {
    const list = only(async () => ({ data: {}, pretty: () => ['Done.'], next: 'wxstation tail' }))
    const printed = async (...flags: string[]): Promise<string> => {
      const system = testSystem()
      await run(['work', ...flags], system, list)
      return system.out()
    }
    expect(await printed()).toBe('Done.\n  Next: wxstation tail\n')
    expect(await printed('--quiet')).toBe('Done.\n')
    expect(await printed('--json')).toBe('{}\n')
  })

  it('keeps what a script should know beside its object, and nothing else', async () => {
    const list = only(async ({ report }) => {
      report({ type: 'stage', stage: 'write' })
      report({ type: 'notice', notice: 'half-written' })
      return { data: { done: true } }
    })
    const system = testSystem()
    await run(['work', '--json'], system, list)
    expect(JSON.parse(system.out())).toEqual({ done: true })
    expect(system.err()).toMatch(/^! .*half.*\n$/)
    const quiet = testSystem()
    await run(['work', '--json', '--quiet'], quiet, list)
    expect(quiet.err()).toBe('')
  })

  it('passes the exit code of a result on', async () => {
    const list = only(async () => ({ data: {}, exitCode: 10 }))
    expect(await run(['work'], testSystem(), list)).toBe(10)
  })
})

describe('errors', () => {
  const failing = only(async () => {
    throw new WxError('PORT_BUSY', 'The port is busy.', { details: { port: 'COM3' } })
  })

  it('says what happened, what to do, the code and the exit code', async () => {
    const system = testSystem()
    expect(await run(['work'], system, failing)).toBe(5)
    expect(system.err()).toBe(
      '✖ The port is busy.\n  Close the other program that uses the port.\n  [port-busy, exit 5]\n',
    )
    expect(system.out()).toBe('')
  })

  it('is one JSON object with --json, wherever the flag stands', async () => {
    for (const argv of [
      ['work', '--json'],
      ['--json', 'work'],
    ]) {
      const system = testSystem()
      expect(await run(argv, system, failing)).toBe(5)
      expect(JSON.parse(system.out())).toEqual({
        error: {
          code: 'PORT_BUSY',
          message: 'The port is busy.',
          hint: 'Close the other program that uses the port.',
          exitCode: 5,
          details: { port: 'COM3' },
        },
      })
    }
  })

  it('shows a trace of a fault with --debug only', async () => {
    const list = only(async () => {
      throw new TypeError('x is undefined')
    })
    const plain = testSystem()
    expect(await run(['work'], plain, list)).toBe(1)
    expect(plain.err()).not.toContain('main.test.ts')
    const debug = testSystem()
    expect(await run(['work', '--debug'], debug, list)).toBe(1)
    expect(debug.err()).toContain('main.test.ts')
  })

  it.each([
    [['nosuch'], "✖ Unknown command 'nosuch'."],
    [['work', '--nosuch'], "✖ Unknown option '--nosuch'."],
    [['--timeout', 'soon', 'work'], 'is invalid. Give a duration such as 30s, 5m, 2h or 7d.'],
  ])('%j is a usage error like every error', async (argv, text) => {
    const system = testSystem()
    expect(await run(argv, system, failing)).toBe(2)
    expect(system.err()).toContain(`${text}\n  Run the command with --help`)
    expect(system.err()).toMatch(/\n {2}\[usage, exit 2\]\n$/)
    const json = testSystem()
    expect(await run([...argv, '--json'], json, failing)).toBe(2)
    expect(JSON.parse(json.out()).error.code).toBe('USAGE')
  })

  it('suggests a command for a typing error', async () => {
    expect((await cli(['confg'])).err).toMatch(/^✖ .*\n {2}Did you mean config\?\n/)
  })

  it('shows the help, and nothing else, where a command is missing', async () => {
    const { code, err } = await cli(['board'])
    expect({ code, err }).toEqual({
      code: 2,
      err: expect.stringMatching(/^Usage: wxstation board/),
    })
    expect(err).not.toMatch(/✖|outputHelp/)
    const json = await cli(['board', '--json'])
    expect(JSON.parse(json.out).error.message).toBe('A command is missing.')
  })
})

describe('the end of a command', () => {
  const waiting = only(async ({ signal }) => {
    signal.throwIfAborted()
    await new Promise((_resolve, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason)),
    )
    return undefined
  })

  it.each(['SIGINT', 'SIGTERM'])('is 130 at %s', async (name) => {
    const system = testSystem()
    const done = run(['work'], system, waiting)
    await new Promise((resolve) => setTimeout(resolve, 20))
    system.interrupt(name)
    expect(await done).toBe(130)
    expect(system.err()).toContain('Interrupted.')
  })

  it('is at once at the second Ctrl-C', async () => {
    const exits: number[] = []
    const system = testSystem({ exit: (code) => exits.push(code) })
    let finish = (): void => {}
    const stuck = only(() => new Promise((resolve) => (finish = () => resolve(undefined))))
    const done = run(['work'], system, stuck)
    await new Promise((resolve) => setTimeout(resolve, 20))
    system.interrupt()
    // The same keystroke once more, from a parent process: the teardown goes on.
    system.interrupt()
    expect(exits).toEqual([])
    await new Promise((resolve) => setTimeout(resolve, 600))
    system.interrupt()
    expect(exits).toEqual([130])
    finish()
    await done
  })

  it('is a timeout after --timeout', async () => {
    const system = testSystem()
    expect(await run(['work', '--timeout', '50ms'], system, waiting)).toBe(6)
    expect(system.err()).toContain('[timeout, exit 6]')
  })

  it('leaves no listener behind', async () => {
    const system = testSystem()
    await run(['work', '--timeout', '10ms'], system, waiting)
    system.interrupt()
    expect(system.terminal.stdout.listenerCount('error')).toBe(0)
  })
})

describe('questions', () => {
  it('off a terminal are a usage error that names flag and variable', async () => {
    const system = testSystem()
    const list = only(async ({ prompts }) => {
      await prompts.text('Wi-Fi network', { flag: '--ssid', env: 'WXSTATION_WIFI_SSID' })
      return undefined
    })
    expect(await run(['work'], system, list)).toBe(2)
    expect(system.err()).toContain('Give it with --ssid or in WXSTATION_WIFI_SSID.')
  })

  it('on a terminal are asked on stderr', async () => {
    const system = testSystem({ tty: true })
    const list = only(async ({ prompts }) => ({
      data: {},
      pretty: () => [],
      exitCode: (await prompts.confirm('Go on?', { flag: '--yes' })) ? 0 : 9,
    }))
    const done = run(['work'], system, list)
    while (!system.err().includes('Go on?')) await new Promise((resolve) => setTimeout(resolve, 10))
    system.type('y\r')
    expect(await done).toBe(0)
    expect(system.out()).toBe('')
  })
})

describe('live lines', () => {
  it('show progress on a terminal and leave one line a stage', async () => {
    const system = testSystem({ tty: true })
    const list = only(async ({ report }) => {
      report({ type: 'stage', stage: 'write' })
      report({ type: 'progress', stage: 'write', done: 500, total: 1000, unit: 'bytes' })
      report({ type: 'done', stage: 'write', elapsedMs: 1500 })
      return undefined
    })
    await run(['work'], system, list)
    expect(system.err()).toContain('50 %')
    expect(system.err()).toMatch(/1\.5 s/)
  })

  it('are silent with --quiet, and leave notices only with --json', async () => {
    for (const [flag, said] of [
      ['--quiet', ''],
      ['--json', '! something\n'],
    ] as const) {
      const system = testSystem({ tty: true })
      const list = only(async ({ report }) => {
        report({ type: 'progress', stage: 'write', done: 500, total: 1000, unit: 'bytes' })
        report({ type: 'notice', notice: 'something' })
        report({ type: 'done', stage: 'write', elapsedMs: 1500 })
        return undefined
      })
      await run(['work', flag], system, list)
      expect(system.err()).toBe(said)
    }
  })
})
