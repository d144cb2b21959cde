import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { foldCalls } from './recordings.js'
import { talks } from './replays.js'
import { startTestBoard, type TestBoard } from './support.js'

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
  it.each(talks)('$name', async (one) => {
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
      } else if (one.name === 'raw: recursion') {
        const end = recv.slice(recv.lastIndexOf('RuntimeError'))
        expect(foldCalls(await board.waitFor(end))).toBe(foldCalls(recv))
      } else {
        expect(await board.take(recv.length)).toBe(recv)
      }
    }
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
