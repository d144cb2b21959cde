import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Program, start } from '../support/program.js'

/** The demo with a temporary folder of its own, so that what it leaves can be counted. */
function startDemo(more: Record<string, string> = {}): {
  program: Program
  leftovers: () => string[]
} {
  const folder = mkdtempSync(join(tmpdir(), 'wxstation-demo-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const env = {
    ...{ TMPDIR: folder, TEMP: folder, TMP: folder, WXSTATION_HOME: join(folder, 'home') },
    ...more,
  }
  return {
    program: start(['demo'], env, undefined, { ownGroup: true }),
    leftovers: () => readdirSync(folder),
  }
}

describe('the demo', { timeout: 180_000 }, () => {
  it('runs the four commands as a user types them, ends by itself and leaves nothing', async () => {
    const { program, leftovers } = startDemo()
    const { code, out, err } = await program.done
    expect(code, out + err).toBe(0)
    const typed = out.split('\n').filter((line) => line.startsWith('$ '))
    expect(typed).toEqual([
      '$ wxstation flash micropython',
      '$ wxstation provision --wifi',
      '$ wxstation stream create',
      '$ wxstation tail --count 10',
    ])
    const records = out.split('\n').filter((line) => line.startsWith('{'))
    expect(records).toHaveLength(10)
    expect(leftovers()).toEqual([])
  })

  it('minds no settings and no proxy of the user', async () => {
    const { program, leftovers } = startDemo({
      HTTP_PROXY: 'http://127.0.0.1:9',
      WXSTATION_STREAM: 'mine',
      WXSTATION_PORT: '/dev/nothing',
    })
    await waitFor(program, '✔ Flashed')
    program.child.kill('SIGINT')
    expect((await program.done).code).toBe(130)
    expect(leftovers()).toEqual([])
  })

  // A terminal's Ctrl-C reaches every process of the group; the demo hands it on to its child too.
  it.skipIf(process.platform === 'win32').each([
    ['flash', '$ wxstation flash', 'SIGINT'],
    ['provision', '✔ Wi-Fi', 'SIGINT'],
    ['provision, ended by its parent', '✔ Wi-Fi', 'SIGTERM'],
  ] as const)('leaves nothing after Ctrl-C either: %s', async (_name, text, signal) => {
    const { program, leftovers } = startDemo()
    const { pid } = program.child
    if (!pid) throw new Error('the demo did not start')
    await waitFor(program, text)
    if (signal === 'SIGINT') process.kill(-pid, signal)
    else program.child.kill(signal)
    const { code, err } = await program.done
    expect(code, err).toBe(130)
    expect(leftovers()).toEqual([])
    expect(() => process.kill(-pid, 0)).toThrow('ESRCH')
  })
})

/** Until the demo, or a command of it, has printed this. */
async function waitFor(program: Program, text: string): Promise<void> {
  let heard = ''
  for (const stream of [program.child.stdout, program.child.stderr]) {
    stream?.on('data', (chunk) => {
      heard += chunk
    })
  }
  while (!heard.includes(text)) {
    if (program.child.exitCode !== null) throw new Error(`ended without "${text}": ${heard}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
