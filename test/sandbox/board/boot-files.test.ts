import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bootNamed, foldCalls } from './recordings.js'
import { bootReplays } from './replays.js'
import { startTestBoard, type TestBoard } from './support.js'

const ticks = 'import time\nwhile True:\n print("tick")\n time.sleep(1)\n'
const faulty = 'print("main starts")\nx = 1/0\n'
const foreign = 'import nosuchmodule\n'

interface Case {
  files: { [name: string]: string }
  /** Sent when the text before it has come. */
  meanwhile?: { after: string; send: string }
}

const cases: Record<(typeof bootReplays.files)[number], Case> = {
  'exception in main.py': { files: { 'main.py': faulty } },
  'exception in main.py, soft reset': { files: { 'main.py': faulty } },
  'syntax error in main.py': { files: { 'main.py': 'print("x")\na b\n' } },
  'exception in boot.py': { files: { 'boot.py': foreign, 'main.py': 'print("main runs")\n' } },
  'exception in boot.py, soft reset': {
    files: { 'boot.py': foreign, 'main.py': 'print("main runs")\n' },
  },
  'SystemExit in boot.py': {
    files: { 'boot.py': 'raise SystemExit\n', 'main.py': 'print("main runs")\n' },
  },
  'SystemExit in main.py': {
    files: { 'boot.py': 'print("boot")\n', 'main.py': 'raise SystemExit\n' },
  },
  'Ctrl-C in main.py': {
    files: { 'boot.py': 'print("boot")\n', 'main.py': ticks },
    meanwhile: { after: 'tick\r\ntick\r\n', send: '\x03' },
  },
  'soft reset restarts main.py, then Ctrl-C': {
    files: { 'boot.py': 'print("boot")\n', 'main.py': ticks },
    meanwhile: { after: 'tick\r\n', send: '\x03' },
  },
  'Ctrl-C in boot.py': {
    files: {
      'boot.py': 'import time\nprint("b1")\ntime.sleep(3)\nprint("b2")\n',
      'main.py': 'print("m1")\n',
    },
    meanwhile: { after: 'b1\r\n', send: '\x03' },
  },
  'Ctrl-A while boot.py runs': {
    files: {
      'boot.py': 'import time\nprint("b1")\ntime.sleep(1)\nprint("b2")\n',
      'main.py': 'print("m1")\n',
    },
    meanwhile: { after: 'b1\r\n', send: '\r\x01' },
  },
}

/** What an earlier line of the recording had done. */
const preludes: Partial<Record<(typeof bootReplays.prompt)[number], string>> = {
  'reset cause constants': 'import machine\r',
  'endless recursion at the prompt': 'f=lambda n:f(n+1)\r',
  'machine.soft_reset()': 'import machine\r',
}

let board: TestBoard
beforeAll(async () => {
  board = await startTestBoard()
  await board.waitFor('>>> ')
})
afterAll(() => board.halt())

async function toPrompt(): Promise<void> {
  board.send('\x03\x03')
  await board.sleep(60)
  board.clear()
  board.send('\x02')
  await board.waitFor('>>> ')
}

async function put(files: Case['files']): Promise<void> {
  await toPrompt()
  board.send('\x01')
  await board.waitFor('exit\r\n>')
  const { err } = await board.exec(`import os
for n in os.listdir():os.remove(n)
for n,t in ${JSON.stringify(files)}.items():
 with open(n,'w')as f:f.write(t)`)
  expect(err).toBe('')
  await toPrompt()
  board.clear()
}

// What follows the bootloader's last line, or a soft reset's own, is the same: _boot.py, boot.py, main.py.
const started = /^[\s\S]*?(?:entry 0x[0-9a-f]+|MPY: soft reboot)\r\n/

describe('boot.py and main.py as the chip was recorded', () => {
  it.each(bootReplays.files)('%s', async (name) => {
    const { files, meanwhile } = cases[name]
    const expected = bootNamed(name).text.replace(started, '')
    await put(files)
    board.send('\x04')
    await board.waitFor('MPY: soft reboot\r\n')
    const before = meanwhile ? await board.waitFor(meanwhile.after) : ''
    if (meanwhile) board.send(meanwhile.send)
    const rest = await board.take(expected.length - before.length)
    expect(before + rest).toBe(expected)
  })

  it.each(bootReplays.prompt)('%s', async (name) => {
    const prelude = preludes[name]
    const expected = bootNamed(name).text
    await put({})
    if (prelude) board.send(prelude)
    if (prelude) await board.waitFor('>>> ')
    board.send(`${expected.slice(0, expected.indexOf('\r\n'))}\r`)
    expect(foldCalls(await board.waitFor('>>> '))).toBe(foldCalls(expected))
  })

  it.each(bootReplays.softResets)('%s', async (name) => {
    const expected = bootNamed(name).text
    await put({})
    if (name.endsWith('raw')) {
      board.send('\x01')
      await board.waitFor('exit\r\n>')
    }
    board.send('\x04')
    expect(await board.take(expected.length)).toBe(expected)
  })
})
