import { describe, expect, it, type TestContext } from 'vitest'
import { type BootedBoard, powerOn, withFiles, withRuins } from './booted.js'
import { bootNamed, foldCalls, general } from './recordings.js'
import { bootReplays } from './replays.js'

/** As it left the factory of the recordings: some file system, without a main.py. */
const usual = withFiles({ 'boot.py': '' })

function start({ onTestFinished }: TestContext, content = usual): BootedBoard {
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
  const contents: Record<(typeof bootReplays.whole)[number], Parameters<typeof start>[1]> = {
    'first boot, blank vfs': () => {},
    'normal boot': usual,
    'recursion in main.py': withFiles({ 'main.py': 'def f():\n f()\nf()\n' }),
    'machine.reset() in main.py': withFiles({
      'main.py': 'print("resets")\nimport machine\nmachine.reset()\n',
    }),
    'watchdog reset by machine.WDT(timeout=2000)': withFiles({ 'main.py': watched }),
  }
  it.concurrent.for(bootReplays.whole)('%s', async (name, context) => {
    const board = start(context, contents[name])
    const { text, reset_cause } = bootNamed(name)
    expect(foldCalls(general(await seen(board, text)))).toBe(foldCalls(general(text)))
    if (reset_cause) expect(await causesOf(board)).toBe(reset_cause)
  })

  const typing = {
    'text sent right at power on': ['', 'print(1)\r'],
    'Ctrl-C sent during the boot': ['entry', '\x03'],
    'Ctrl-C and Ctrl-A sent during the boot': ['entry', '\r\x03\x03\r\x01'],
  } as const
  it.concurrent.for(bootReplays.typedEarly)('%s', async (name, context) => {
    const board = start(context)
    const [after, typed] = typing[name]
    const before = after ? await board.waitFor(after) : ''
    board.send(typed)
    const { text } = bootNamed(name)
    expect(before + (await seen(board, text.slice(before.length)))).toBe(text)
    expect(await board.take(0)).toBe('')
  })

  it.concurrent.for(bootReplays.hardResets)('%s', async (name, context) => {
    const board = start(context)
    await board.waitFor('>>> ')
    board.send('import machine\r')
    await board.waitFor('>>> ')
    const { text, reset_cause } = bootNamed(name)
    board.send(`${text.slice(0, text.indexOf('\r\n'))}\r`)
    expect(general(await seen(board, text))).toBe(general(text))
    expect(await causesOf(board)).toBe(reset_cause)
  })

  const [ruined, interrupted, zeroed] = bootReplays.ruins
  it.concurrent.for<[(typeof bootReplays.ruins)[number], Uint8Array]>([
    [ruined, Uint8Array.from({ length: 16_384 }, (_, i) => (i * 151 + 7) ^ (i >> 3))],
    [zeroed, new Uint8Array(8192)],
  ])(`%s, then ${interrupted}`, async ([name, ruins], context) => {
    const board = start(context, withRuins(ruins))
    const { text } = bootNamed(name)
    expect(await seen(board, text)).toBe(text)
    board.send('\x03')
    const after = bootNamed(interrupted).text
    expect(await seen(board, after)).toBe(after)
  })
})

describe('from the ROM to the prompt, beyond the recordings', () => {
  it('shows a program how the strapping pins stood: GPIO0 was high', async (context) => {
    const board = start(context)
    await board.waitFor('>>> ')
    board.send('import machine;machine.mem32[0x3ff44038]\r')
    expect(await board.waitFor('\r\n>>> ')).toContain(`\r\n${0x12}\r\n`)
  })

  it('starts anew where code fills the stack unseen, as a chip does', async (context) => {
    const board = start(context)
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
