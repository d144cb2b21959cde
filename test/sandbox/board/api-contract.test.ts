import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ApiSuite, callsOf, type RecordedCall } from './replays.js'
import { queuePartitions, startTestBoard, type TestBoard } from './support.js'

const varies = 'times, addresses or heap figures that differ from run to run'
const threads = 'this build of the interpreter has no _thread'
const build = 'the interpreter is 1.27 built for WebAssembly: texts, doubles, codecs of its own'
const emulator = 'seen on the emulator, not of the chip: see the README of the recording'

interface Difference {
  reason: string
  /** Lines of the output that are not compared, from 0; none given = nothing of it is. */
  lines?: number[]
}

/** Where the sandbox differs, and why. All other lines are compared. */
const differences: Record<string, Difference> = {
  'dir of modules': { reason: 'modules written in Python have names of their own' },
  'OSErrors of files': { reason: build, lines: [15] },
  'time epoch': { reason: varies, lines: [0, 1] },
  'time errors': { reason: build, lines: [8] },
  ticks: { reason: 'the interpreter does not check the half period', lines: [0] },
  RTC: { reason: varies, lines: [1, 2, 7] },
  PWM: { reason: emulator, lines: [1, 2, 3, 4, 6] },
  'PWM channels': { reason: emulator, lines: [0] },
  'I2C scan twice': { reason: emulator, lines: [1] },
  'I2C absent device': { reason: emulator, lines: [6] },
  'I2C errors': { reason: emulator, lines: [5] },
  'BMP180 registers': { reason: 'the weather is not the recorded one', lines: [1] },
  'BMP180 measurement': { reason: 'the weather is not the recorded one', lines: [0, 1, 2, 3, 4] },
  'gc and mem': { reason: varies, lines: [0, 2, 3, 4, 5] },
  'mem_info(1)': { reason: varies },
  'gc.mem_free after imports': { reason: varies },
  'deflate errors': { reason: build, lines: [6, 8] },
  hashlib: { reason: build, lines: [5] },
  'hashlib.sha256 of 4 KB, microseconds': { reason: varies, lines: [0] },
  binascii: { reason: build, lines: [13] },
  json: { reason: build, lines: [1, 11, 14] },
  floats: { reason: build, lines: [2, 4, 5, 10, 11, 17, 19, 22, 25, 26, 27, 28, 39, 41] },
  text: { reason: build, lines: [11, 18] },
  asyncio: {
    reason: 'addresses of generators, and how a task nobody waits for is reported',
    lines: [5, 7, 13, 15],
  },
  webrepl: { reason: 'dir() of a module: the order of another build', lines: [0] },
  'sys.stdin and friends': { reason: 'modules written in Python stand in sys.modules', lines: [9] },
  'misc builtins': { reason: build, lines: [1, 6, 22] },
  'mount table and RAM disk': {
    reason: 'functions in Python print with their names; this build has no FAT driver',
    lines: [0, 6],
  },
  'file times': { reason: varies, lines: [0] },
  'patched table: times in the emulator, ms': { reason: varies, lines: [0, 1, 2, 3] },
  'patched table: a 256 KB vfs filled': {
    reason: 'one block more: the original keeps one for moving a pair',
    lines: [0],
  },
  'Partition constructors': { reason: build, lines: [16, 17] },
  'import errors': { reason: build, lines: [5] },
  'vfs wear helpers': { reason: varies, lines: [0, 1] },
  'gc.threshold and allocation': { reason: varies },
  'heap grows': { reason: varies, lines: [0, 1, 2] },
  'RTC memory and clock after machine.reset()': {
    reason: 'follows a reset of the recording',
    lines: [0],
  },
  'NVS filled': { reason: 'the recorded partition held calibration data of the radio', lines: [0] },
  'gc.mem_free over Wi-Fi use': { reason: varies },
  'thread and idf heap': { reason: threads },
  'Pin.irq and time_pulse_us': { reason: emulator, lines: [1, 3] },
  'listing shapes': { reason: varies, lines: [2] },
}

/** Files that other entries of the recording had left. */
const preludes: Record<string, string> = {
  'mount table and RAM disk':
    'import os;os.mkdir("dd")\nwith open("small","w") as f:f.write("0123456789")',
}

function differenceOf({ name }: RecordedCall): Difference | undefined {
  return /thread/.test(name) ? { reason: threads } : differences[name]
}

/** dir() goes by the build's own order. */
const unordered = ['network constants']

function compared(one: RecordedCall, out: string): string {
  const lines = out.replaceAll('\r', '').split('\n')
  if (unordered.includes(one.name)) return lines.sort().join('\n')
  const differing = differenceOf(one)?.lines ?? []
  return lines.map((line, i) => (differing.includes(i) ? '(differs)' : line)).join('\n')
}

const suites: { title: ApiSuite; partitions?: typeof queuePartitions }[] = [
  { title: 'fresh board' },
  { title: 'patched table', partitions: queuePartitions },
  { title: 'files and the rest' },
]

describe.each(suites)('the modules against the recorded chip: $title', ({ title, partitions }) => {
  let board: TestBoard
  beforeAll(async () => {
    board = await startTestBoard(partitions ? { partitions } : {})
    await board.waitFor('>>> ')
    board.send('\x01')
    await board.waitFor('exit\r\n>')
  })
  afterAll(() => board.halt())

  // What differs still runs: later entries rest on files and settings of earlier ones.
  it.each(callsOf(title))('$name', async (one) => {
    const prelude = preludes[one.name]
    if (prelude) await board.exec(prelude)
    const { out, err } = await board.exec(one.code)
    const difference = differenceOf(one)
    if (difference && !difference.lines) return
    expect(compared(one, out)).toBe(compared(one, one.out))
    expect(err).toBe(one.err ?? '')
  })
})
