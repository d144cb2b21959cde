import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestBoard, type TestBoard } from './support.js'

interface Conversation {
  name: string
  steps: { send?: string; recv?: string; wait_ms?: number; bytes?: number; tail?: string }[]
}

const recorded: Conversation[] = readFileSync(
  fileURLToPath(new URL('../../contract/chip/repl.jsonl', import.meta.url)),
  'utf8',
)
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line))

/** Where the sandbox can not do what the chip does, and why. */
const differences: Record<string, string> = {
  'thread runs, Ctrl-C goes to the main thread': 'this build of the interpreter has no _thread',
  'exception in a thread': 'this build of the interpreter has no _thread',
  'output of a thread while typing': 'this build of the interpreter has no _thread',
  'raw: memory error': 'the heap of WebAssembly grows: it can not be capped at 160 KB',
  'raw: memory error, list': 'the heap of WebAssembly grows: it can not be capped at 160 KB',
  'raw: after the memory error': 'goes on from the one before',
  'raw: recursion': 'the stack holds more calls: the modules in Python need some of their own',
  'raw paste: syntax error early, data goes on': 'code is compiled when all of it has come',
  'globals after a soft reset': 'names of other globals: the recording went on from others',
}

/** What an earlier step of the recording had done. */
const preludes: Record<string, string> = { 'tab completion, many': 'import sys\r' }

let board: TestBoard
beforeAll(async () => {
  board = await startTestBoard()
  await board.waitFor('>>> ')
})
afterAll(() => board.halt())

/** To the friendly prompt, from wherever the test before has left the board. */
async function toPrompt(): Promise<void> {
  board.send('\x03\x03')
  await board.sleep(60)
  board.clear()
  board.send('\x02')
  await board.waitFor('>>> ')
}

/** What comes before the recorded steps: each begins in the mode the one before left. */
function modeOf(name: string): 'friendly' | 'raw' {
  return /^raw/.test(name) && !/^raw: exec$|^raw then soft/.test(name) ? 'raw' : 'friendly'
}

describe('the REPL against the recorded chip', () => {
  it.each(recorded.filter(({ name }) => !(name in differences)))('$name', async (one) => {
    await toPrompt()
    const prelude = preludes[one.name]
    if (prelude) {
      board.send(prelude)
      await board.waitFor('>>> ')
    }
    if (modeOf(one.name) === 'raw') {
      board.send('\x01')
      await board.waitFor('exit\r\n>')
    }
    board.clear()
    for (const { send, recv, wait_ms, bytes, tail } of one.steps) {
      // Answered is not executed: the recorder's host was slower than the first line of its code,
      // and a Ctrl-C ahead of `kbd_intr(-1)` interrupts on the chip as well.
      if (send === '\x03') await board.sleep(250)
      if (send !== undefined) board.send(filled(send))
      if (wait_ms !== undefined) await board.sleep(wait_ms)
      if (recv === undefined) continue
      if (bytes !== undefined) {
        const text = await board.take(bytes)
        expect(text.startsWith(recv)).toBe(true)
        expect(text.endsWith(tail ?? '')).toBe(true)
      } else {
        expect(await board.take(recv.length)).toBe(recv)
      }
    }
  })
})

describe('machine.soft_reset()', () => {
  const { text } = readFileSync(
    fileURLToPath(new URL('../../contract/chip/boot.jsonl', import.meta.url)),
    'utf8',
  )
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { name: string; text: string })
    .find(({ name }) => name === 'machine.soft_reset()') as { text: string }

  it('is a soft reset at the prompt, as recorded', async () => {
    await toPrompt()
    board.send('import machine\r')
    await board.waitFor('>>> ')
    board.send('machine.soft_reset()\r')
    expect(await board.take(text.length)).toBe(text)
  })
})

describe('sys.stdout.buffer.write', () => {
  it('takes a part of the data, as every stream of the chip', async () => {
    await toPrompt()
    board.send('\x01')
    await board.waitFor('exit\r\n>')
    const code = 'import sys;w=sys.stdout.buffer.write;w(b"abcdef",2);w(memoryview(b"abcdef"),3,2)'
    expect(await board.exec(code)).toEqual({ out: 'abde', err: '' })
  })
})

/** Long runs of one character are cut in the recording: `<5000 a>`. */
function filled(text: string): string {
  return text.replace(/<(\d+) (.)>/g, (_, count, char) => char.repeat(Number(count)))
}
