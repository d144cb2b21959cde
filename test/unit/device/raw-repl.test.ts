import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { Dialog } from '../../../src/device/dialog.js'
import { enterRawRepl, RawRepl } from '../../../src/device/raw-repl.js'
import { rawBanner, wake } from '../../../src/device/wake.js'
import { ScriptedLink, type Step } from '../../support/scripted-link.js'
import { testSystem } from '../../support/system.js'

interface Recording {
  name: string
  steps: Step[]
}

const recordings = readFileSync(new URL('../../contract/chip/repl.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Recording)

function recording(name: string): Step[] {
  const found = recordings.find((one) => one.name === name)
  if (!found) throw new Error(`no recording "${name}"`)
  return found.steps
}

function replOver(steps: Step[]): { repl: RawRepl; link: ScriptedLink } {
  const link = new ScriptedLink(steps)
  const system = testSystem()
  return { link, repl: new RawRepl(new Dialog(link, system), system, {}) }
}

/** Recordings that are one piece of code sent in raw mode, and its whole answer. */
const executions = recordings.flatMap(({ name, steps }) => {
  const [send, recv, ...rest] = steps
  if (!name.startsWith('raw: ') || !send || !recv || rest.length > 0) return []
  if (!('send' in send) || !('recv' in recv) || 'tail' in recv) return []
  const code = send.send.slice(0, -1)
  const isOneExec =
    send.send.endsWith('\x04') &&
    !/[\x01-\x05\x80-\xff]/.test(code) &&
    code.length <= 250 &&
    code !== ''
  // An 04 in output or message is not escaped by the chip; our own code prints none.
  const answer = /^OK([^\x04]*)\x04([^\x04]*)\x04>$/.exec(recv.recv)
  return isOneExec && answer
    ? [{ name, steps, code, out: answer[1] ?? '', err: answer[2] ?? '' }]
    : []
})

const text = (recorded: string): string =>
  Buffer.from(recorded, 'latin1').toString('utf8').replaceAll('\r\n', '\n')

describe('raw mode as the chip was recorded', () => {
  it('finds enough recordings to be worth something', () => {
    expect(executions.length).toBeGreaterThan(15)
  })

  it.each(executions)('$name', async ({ steps, code, out, err }) => {
    const { repl, link } = replOver(steps)
    const result = await repl.tryExec(code, { timeoutMs: 500 })
    expect(result).toEqual({ stdout: text(out), stderr: text(err).trim() })
    expect(link.isDone).toBe(true)
  })

  it('enters with one write at the prompt', async () => {
    const [first, banner] = recording('Ctrl-C twice then Ctrl-A, one write')
    const link = new ScriptedLink([first as Step, banner as Step])
    const system = testSystem()
    await wake(new Dialog(link, system), {}, system)
    expect(link.isDone).toBe(true)
  })

  it('waits for the soft reset it asked for, not for an older banner', async () => {
    const { repl, link } = replOver([
      { recv: rawBanner },
      { send: '\x04' },
      { recv: 'OK\r\nMPY: soft reboot\r\nraw REPL; CTRL-B to exit\r\n>' },
      { send: 'print(1)\x04' },
      { recv: 'OK1\r\n\x04\x04>' },
    ])
    await repl.restart()
    expect(await repl.exec('print(1)')).toBe('1\n')
    expect(link.isDone).toBe(true)
  })
})

describe('raw paste as the chip was recorded', () => {
  const [, accepted] = recording('raw paste: one line') as [Step, Step]

  /** A board with a window of 128 that counts what it was sent, and never forgives too much. */
  function pastingBoard(code: string, answer: string): { steps: Step[]; code: string } {
    const steps: Step[] = [{ send: '\x05A\x01' }, accepted]
    // R 01 80 00 01: the window, and credit for a second one.
    const parts = [code.slice(0, 256), ...(code.slice(256).match(/[\s\S]{1,128}/g) ?? [])]
    for (const [i, part] of parts.entries()) {
      steps.push({ send: part })
      if (i < parts.length - 1) steps.push({ recv: '\x01' })
    }
    return { code, steps: [...steps, { send: '\x04' }, { recv: `\x04${answer}` }] }
  }

  it('never sends more than it has credit for', async () => {
    const { steps, code } = pastingBoard(`${'x=1\n'.repeat(200)}print(x)`, '1\r\n\x04\x04>')
    const { repl, link } = replOver(steps)
    expect(await repl.exec(code)).toBe('1\n')
    expect(link.isDone).toBe(true)
  })

  it('stops when the compiler gives up, and tells its error', async () => {
    const code = `a b\n${'#'.repeat(600)}`
    const { repl, link } = replOver([
      { send: '\x05A\x01' },
      accepted,
      { send: code.slice(0, 256) },
      { recv: '\x04' },
      { send: '\x04' },
      {
        recv: '\x04Traceback (most recent call last):\r\n  File "<stdin>", line 1\r\nSyntaxError: invalid syntax\r\n\x04>',
      },
    ])
    const { stdout, stderr } = await repl.tryExec(code)
    expect(stdout).toBe('')
    expect(stderr).toMatch(/SyntaxError: invalid syntax$/)
    expect(link.isDone).toBe(true)
  })

  it('paces plain raw mode where the board refuses raw paste', async () => {
    const code = '#'.repeat(300)
    const { repl, link } = replOver([
      { send: '\x05A\x01' },
      { recv: 'R\x00' },
      { send: `${code}\x04` },
      { recv: 'OK\x04\x04>' },
    ])
    expect(await repl.exec(code)).toBe('')
    expect(link.isDone).toBe(true)
  })
})

describe('lost bytes', () => {
  it('sends repeatable code again after finding the prompt', async () => {
    const knock = '\r\x03\x03\r\x01'
    const { repl, link } = replOver([
      { send: 'print(1)\x04' },
      { recv: 'OK' },
      { send: knock },
      { recv: `\x04KeyboardInterrupt\r\n\x04>${rawBanner}` },
      { send: 'print(1)\x04' },
      { recv: 'OK1\r\n\x04\x04>' },
    ])
    expect(await repl.exec('print(1)', { repeatable: true, timeoutMs: 50 })).toBe('1\n')
    expect(link.isDone).toBe(true)
  })

  it('asks a silent board, and waits on where its flash is at work', async () => {
    const { repl, link } = replOver([
      { send: 'mkdir()\x04' },
      { recv: 'OK' },
      { send: '\x01' },
      { recv: `done\x04\x04>${rawBanner}` },
      { send: 'print(1)\x04' },
      { recv: 'OK1\r\n\x04\x04>' },
    ])
    expect(await repl.exec('mkdir()', { repeatable: true })).toBe('done')
    expect(await repl.exec('print(1)')).toBe('1\n')
    expect(link.isDone).toBe(true)
  })

  it('repeats at once where the silent board is at its prompt: the answer was lost', async () => {
    const { repl, link } = replOver([
      { send: 'print(1)\x04' },
      { recv: 'OK1\r\n' },
      { send: '\x01' },
      { recv: rawBanner },
      { send: '\r\x03\x03\r\x01' },
      { recv: rawBanner },
      { send: 'print(1)\x04' },
      { recv: 'OK1\r\n\x04\x04>' },
    ])
    expect(await repl.exec('print(1)', { repeatable: true })).toBe('1\n')
    expect(link.isDone).toBe(true)
  })

  it('gives data by credit once bytes were lost', async () => {
    const data = new Uint8Array(300).fill(65)
    const { repl, link } = replOver([
      { send: 'f(128)\x04' },
      { recv: 'OK\x05' },
      { send: 'A'.repeat(256) },
      { recv: '\x06' },
      { send: 'A'.repeat(44) },
      { recv: '\x06\x06ok\x04\x04>' },
    ])
    expect(await repl.feed((portion) => `f(${portion})`, data)).toBe('ok')
    expect(link.isDone).toBe(true)
  })

  it.each([
    ['a chip that can', 'ets Jul 29 2019 12:21:46\r\n', ''],
    ['a chip whose pins hold it in its ROM', 'OK\x04\x04>', '\x02\x04'],
  ])('lets %s start its station, without a line to EN', async (_name, answer, last) => {
    const { repl, link } = replOver([])
    const sent: string[] = []
    link.write = async (bytes) => {
      sent.push(Buffer.from(bytes).toString('latin1'))
      if (sent.length === 1) link.unread(Buffer.from(rawBanner))
      if (sent.length === 2) link.unread(Buffer.from(answer, 'latin1'))
    }
    await repl.leave()
    expect(sent[1]).toMatch(/machine\.reset\(\)\x04$/)
    expect(sent[2] ?? '').toBe(last)
  })

  it('never repeats other code, and says what the board last printed', async () => {
    const { repl } = replOver([{ send: 'fire()\x04' }, { recv: 'OKfiring' }])
    await expect(repl.exec('fire()', { timeoutMs: 50 })).rejects.toMatchObject({
      code: 'BOARD_SILENT',
      message: expect.stringContaining('firing'),
    })
  })
})

describe('a board that was interrupted and never answered', () => {
  /** Takes everything and says nothing; the user gives up while it is knocked at. */
  class MuteLink extends ScriptedLink {
    override readonly hasControlLines: boolean
    written = ''
    lines: string[] = []
    constructor(
      hasControlLines: boolean,
      readonly giveUp: AbortController,
    ) {
      super([])
      this.hasControlLines = hasControlLines
    }
    override async write(bytes: Uint8Array): Promise<void> {
      this.written += Buffer.from(bytes).toString('latin1')
      this.giveUp.abort()
    }
    override async setLines({ dtr, rts } = { dtr: false, rts: false }): Promise<void> {
      this.lines.push(`${dtr} ${rts}`)
    }
  }

  it('gets its reset', async () => {
    const giveUp = new AbortController()
    const link = new MuteLink(true, giveUp)
    await expect(enterRawRepl(link, { signal: giveUp.signal }, testSystem())).rejects.toThrow()
    expect(link.lines).toEqual(['false true', 'false false'])
  })

  it('is sent out of raw mode and into its code where it has no control lines', async () => {
    const giveUp = new AbortController()
    const link = new MuteLink(false, giveUp)
    await expect(enterRawRepl(link, { signal: giveUp.signal }, testSystem())).rejects.toThrow()
    expect(link.written).toMatch(/\x01[^\x01]*\x02\x04$/)
  })
})
