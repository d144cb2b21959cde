import type { AppImage } from '../runtime.js'

/** An access outside of all memory; `address` is what the exception tells. */
export interface Prohibited {
  access: 'LoadProhibited' | 'StoreProhibited'
  address: number
}

/** EXCCAUSE of the Xtensa instruction set. */
const causes = { LoadProhibited: 0x1c, StoreProhibited: 0x1d } as const

/** Where MicroPython's task was, as boot.jsonl has it: these numbers say nothing about this board. */
const backtrace = '0x4011646e:0x3ffcea80 0x400dcefc:0x3ffceaa0 0x40084b19:0x3ffceac0'
const idle = '0x40096003:0x3ffbc810 0x40156592:0x3ffbc830 0x400d2df7:0x3ffbc850'

/** The last words of firmware whose code reached where no memory is, up to the ROM's own. */
export function prohibitedPanic(app: AppImage, { access, address }: Prohibited): string {
  const reason = `Guru Meditation Error: Core  1 panic'ed (${access}). Exception was unhandled.`
  const registers = registerDump(causes[access], address)
  return panic(app, [reason, '', 'Core  1 register dump:', ...registers, ''], backtrace)
}

/** The same where a task fed its watchdog too late; `ms` is how long firmware has run. */
export function watchdogPanic(app: AppImage, ms: number): string {
  const log = (text: string): string => `\x1b[0;31mE (${Math.round(ms)}) task_wdt: ${text}\x1b[0m`
  const lines = [
    log(
      'Task watchdog got triggered. The following tasks/users did not reset the watchdog in time:',
    ),
    log(' - mpy_machine_wdt'),
    log('Tasks currently running:'),
    log('CPU 0: IDLE'),
    log('CPU 1: IDLE'),
    log('Print CPU 0 (current core) backtrace'),
    ...['', '', `Backtrace: ${idle}`, ''],
    log('Aborting.'),
    log('Print CPU 1 backtrace'),
  ]
  return `${wire(lines)}${panic(app, ['', '', ''], idle)}`
}

function panic(app: AppImage, reason: string[], trace: string): string {
  return wire([
    '',
    'A fatal error occurred. The crash dump printed below may be used to help',
    'determine what caused it. If you are not already running the most recent',
    'version of MicroPython, consider upgrading. New versions often fix bugs.',
    '',
    'To learn more about how to debug and/or report this crash visit the wiki',
    'page at: https://github.com/micropython/micropython/wiki/ESP32-debugging',
    '',
    `MPY version : ${app.version} on ${app.date}`,
    `IDF version : ${app.idf ?? ''}`,
    `Machine     : ${app.machine ?? ''}`,
    '',
    ...reason,
    '',
    `Backtrace: ${trace}`,
    ...['', '', '', ''],
    `ELF file SHA256: ${app.elf ?? ''}`,
    '',
    'Rebooting...',
  ])
}

/** Four registers a line; of all of them only the last two depend on what went wrong. */
function registerDump(cause: number, address: number): string[] {
  const known: [string, number][] = [
    ['PC', 0x40116471],
    ['PS', 0x00060430],
    ['A0', 0x800dceff],
    ['A1', 0x3ffcea80],
    ...Array.from({ length: 14 }, (_, i): [string, number] => [`A${i + 2}`, 0]),
    ['SAR', 6],
    ['EXCCAUSE', cause],
    ['EXCVADDR', address],
    ['LBEG', 0x4000c46c],
    ['LEND', 0x4000c477],
    ['LCOUNT', 0],
  ]
  const cells = known.map(
    ([name, value]) => `${name.padEnd(8)}: 0x${value.toString(16).padStart(8, '0')}  `,
  )
  return Array.from({ length: Math.ceil(cells.length / 4) }, (_, i) =>
    cells.slice(4 * i, 4 * i + 4).join(''),
  )
}

function wire(lines: string[]): string {
  return lines.map((line) => `${line}\r\n`).join('')
}
