import { readRecording } from './recordings.js'

/**
 * Who replays which recording. recordings.test.ts fails where one stands nowhere, so that nothing
 * recorded is forgotten; a difference that cannot be avoided is named with its reason by the test.
 */

/** boot.jsonl: the keys are used by boot-contract, boot-files and boot-whole.test.ts. */
export const bootReplays = {
  loaders: [
    'blank flash',
    'corrupt app, one byte',
    'corrupt app, magic byte',
    'app for chip id 5',
    'bootloader for chip id 5',
    'corrupt bootloader, one byte',
    'partition table, MD5 wrong',
    'partition table, first entry blank',
    'partition table, magic wrong',
    'truncated image, 1000000 bytes',
    'bootloader and table only',
    'image flashed at 0x0 in place of 0x1000',
  ],
  download: ['download mode'],
  files: [
    'exception in main.py',
    'exception in main.py, soft reset',
    'syntax error in main.py',
    'exception in boot.py',
    'exception in boot.py, soft reset',
    'SystemExit in boot.py',
    'SystemExit in main.py',
    'Ctrl-C in main.py',
    'soft reset restarts main.py, then Ctrl-C',
    'Ctrl-C in boot.py',
    'Ctrl-A while boot.py runs',
  ],
  prompt: [
    'reset cause constants',
    'sys.exit() at the prompt',
    'raise SystemExit at the prompt',
    'read of address 0x40000000 with machine.mem32',
    'misaligned machine.mem32',
    'endless recursion at the prompt',
    're recursion',
    'machine.bootloader()',
    'machine.soft_reset()',
  ],
  softResets: ['Ctrl-D soft reset, friendly', 'Ctrl-D soft reset, raw'],
  whole: [
    'first boot, blank vfs',
    'normal boot',
    'recursion in main.py',
    'machine.reset() in main.py',
    'watchdog reset by machine.WDT(timeout=2000)',
  ],
  typedEarly: [
    'text sent right at power on',
    'Ctrl-C sent during the boot',
    'Ctrl-C and Ctrl-A sent during the boot',
  ],
  hardResets: ['machine.reset()', 'write to address 0 with machine.mem32'],
  ruins: [
    'corrupt file system',
    'corrupt file system, then Ctrl-C',
    'file system blocks 0 and 1 all zero',
  ],
} as const

export interface RecordedCall {
  name: string
  code: string
  out: string
  err?: string
  setup?: string
}

/** api.jsonl: how many entries, in the order of the file, go on the board of which suite. */
const apiOrder = [
  ['fresh board', 66],
  ['Wi-Fi', 14],
  ['sockets', 23],
  ['TLS', 17],
  ['patched table', 11],
  ['files and the rest', 14],
  ['soft reset', 3],
  ['machine.reset()', 1],
  ['files and the rest', 1],
  ['station and access point', 1],
  ['files and the rest', 7],
] as const

/** Entries of those that need a board of their own. */
const apart: Record<string, 'recorded sensor' | 'never returns' | 'crash'> = {
  AM2320: 'recorded sensor',
  'AM2320 sleeps: read attempts': 'recorded sensor',
  'time.sleep of a negative number': 'never returns',
  'random and urandom': 'crash',
}

export type ApiSuite = (typeof apiOrder)[number][0] | (typeof apart)[string]

const suites = apiOrder.flatMap(([suite, count]) => Array<ApiSuite>(count).fill(suite))

/** Each recorded call and its suite; none where the recording has more than is told above. */
export const apiPlaces = readRecording<RecordedCall>('api').map((call, i) => ({
  call,
  suite: apart[call.name] ?? suites[i],
}))

export function callsOf(suite: ApiSuite): RecordedCall[] {
  return apiPlaces.filter((place) => place.suite === suite).map(({ call }) => call)
}

export interface Conversation {
  name: string
  steps: { send?: string; recv?: string; wait_ms?: number; bytes?: number; tail?: string }[]
}

const threads = 'this build of the interpreter has no _thread'
const heap = 'the heap of WebAssembly grows: it can not be capped at 160 KB'

/** repl.jsonl: what the sandbox can not do as the chip does it, and why. All else is replayed. */
export const unreplayedTalk: Record<string, string> = {
  'thread runs, Ctrl-C goes to the main thread': threads,
  'exception in a thread': threads,
  'output of a thread while typing': threads,
  'raw: memory error': heap,
  'raw: memory error, list': heap,
  'raw: after the memory error': 'goes on from the one before',
  'globals after a soft reset': 'names of other globals: the recording went on from others',
  'raw paste: syntax error early, data goes on': 'code is compiled when all of it has come',
}

export const talks = readRecording<Conversation>('repl').filter(
  ({ name }) => !(name in unreplayedTalk),
)
