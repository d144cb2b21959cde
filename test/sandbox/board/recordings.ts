import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The entries of one recording in test/contract/chip. */
export function readRecording<T extends { name: string }>(
  file: 'api' | 'boot' | 'repl' | 'rom',
): T[] {
  const path = fileURLToPath(new URL(`../../contract/chip/${file}.jsonl`, import.meta.url))
  return readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T)
}

export interface RecordedBoot {
  name: string
  text: string
  /** (machine.reset_cause(), machine.wake_reason()) after it. */
  reset_cause?: string
}

const boots = new Map(readRecording<RecordedBoot>('boot').map((one) => [one.name, one]))

export function bootNamed(name: string): RecordedBoot {
  const found = boots.get(name)
  if (!found) throw new Error(`no recording "${name}"`)
  return found
}

/** Calls of a function that calls itself: how many fit is the stack's matter, not the text's. */
export function foldCalls(text: string): string {
  return text.replace(/( {2}File "[^"]+", line \d+, in \S+\r\n)\1+/g, '$1')
}

/** What differs from run to run, as the recording's README says. */
export function general(text: string): string {
  return text
    .replace(/E \(\d+\)/g, 'E (ms)')
    .replace(/Backtrace:( 0x[0-9a-fA-F]{8}:0x[0-9a-fA-F]{8})+/g, 'Backtrace: …')
    .replace(/((?:PC|PS|A\d+|SAR|LBEG|LEND|LCOUNT) *): 0x[0-9a-f]{8}/g, '$1: …')
    .replace(/IDF version : \S+/g, 'IDF version : …')
    .replace(/ELF file SHA256: [0-9a-f]{16}/g, 'ELF file SHA256: …')
}
