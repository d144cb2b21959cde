import { describe, expect, it, onTestFinished } from 'vitest'
import { type BootedBoard, powerOn, withFiles, withRuins } from './booted.js'
import { bootNamed, foldCalls, general } from './recordings.js'

/** As it left the factory of the recordings: some file system, without a main.py. */
const usual = withFiles({ 'boot.py': '' })

function start(content = usual): BootedBoard {
  const board = powerOn(content)
  onTestFinished(() => board.halt())
  return board
}

/** Waits until the recorded text has come, whatever numbers stand in it. */
async function seen(board: BootedBoard, text: string): Promise<string> {
  const last = text.slice(text.lastIndexOf('\r\n', text.length - 3))
  const end = last.startsWith('\r\n>>> ') ? '\r\n>>> ' : last
  const parts = text.split(end).length - 1
  let found = ''
  for (let i = 0; i < parts; i++) found += await board.waitFor(end)
  return found
}

describe.concurrent('from the ROM to the prompt as the chip was recorded', () => {
  const watched = `import machine, time
print("wdt on", machine.reset_cause())
machine.WDT(timeout=2000)
while True: time.sleep(1)
`
  it.concurrent.each<[string, Parameters<typeof start>[0]]>([
    ['first boot, blank vfs', () => {}],
    ['normal boot', usual],
    ['recursion in main.py', withFiles({ 'main.py': 'def f():\n f()\nf()\n' })],
    [
      'machine.reset() in main.py',
      withFiles({ 'main.py': 'print("resets")\nimport machine\nmachine.reset()\n' }),
    ],
    ['watchdog reset by machine.WDT(timeout=2000)', withFiles({ 'main.py': watched })],
  ])('%s', async (name, content) => {
    const board = start(content)
    const { text, reset_cause } = bootNamed(name)
    expect(foldCalls(general(await seen(board, text)))).toBe(foldCalls(general(text)))
    if (reset_cause) expect(await causesOf(board)).toBe(reset_cause)
  })

  it.concurrent.each([
    ['text sent right at power on', '', 'print(1)\r'],
    ['Ctrl-C sent during the boot', 'entry', '\x03'],
    ['Ctrl-C and Ctrl-A sent during the boot', 'entry', '\r\x03\x03\r\x01'],
  ])('%s', async (name, after, typed) => {
    const board = start()
    const before = after ? await board.waitFor(after) : ''
    board.send(typed)
    const { text } = bootNamed(name)
    expect(before + (await seen(board, text.slice(before.length)))).toBe(text)
    expect(await board.take(0)).toBe('')
  })

  it.concurrent.each([
    ['machine.reset()', 'import machine\r'],
    ['write to address 0 with machine.mem32', ''],
  ])('%s', async (name, prelude) => {
    const board = start()
    await board.waitFor('>>> ')
    if (prelude) {
      board.send(prelude)
      await board.waitFor('>>> ')
    }
    const { text, reset_cause } = bootNamed(name)
    board.send(`${text.slice(0, text.indexOf('\r\n'))}\r`)
    expect(general(await seen(board, text))).toBe(general(text))
    expect(await causesOf(board)).toBe(reset_cause)
  })

  it.concurrent.each([
    [
      'corrupt file system',
      Uint8Array.from({ length: 16_384 }, (_, i) => (i * 151 + 7) ^ (i >> 3)),
    ],
    ['file system blocks 0 and 1 all zero', new Uint8Array(8192)],
  ])('%s, then Ctrl-C', async (name, ruins) => {
    const board = start(withRuins(ruins))
    const { text } = bootNamed(name)
    expect(await seen(board, text)).toBe(text)
    board.send('\x03')
    const after = bootNamed('corrupt file system, then Ctrl-C').text
    expect(await seen(board, after)).toBe(after)
  })
})

describe('from the ROM to the prompt, beyond the recordings', () => {
  it('starts anew where code fills the stack unseen, as a chip does', async () => {
    const board = start()
    await board.waitFor('>>> ')
    const nested = (name: string): string =>
      `${name}=();exec("for i in range(60000):\\n ${name}=(${name},)");`
    board.send(`${nested('a')}${nested('b')}a==b\r`)
    await board.waitFor('rst:0xc (SW_CPU_RESET)')
    await board.waitFor('\r\n>>> ')
    expect(await causesOf(board)).toBe('(2, 0)')
  })
})

async function causesOf(board: BootedBoard): Promise<string | undefined> {
  board.send('import machine;(machine.reset_cause(),machine.wake_reason())\r')
  return (await board.waitFor('\r\n>>> ')).split('\r\n').at(-2)
}
