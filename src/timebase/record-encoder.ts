import { type FileFormat, fileHead, recordLine } from './record-file.js'
import type { StreamRecord } from './schema.js'

/** Turns records into the bytes of a file, piece by piece. */
export interface RecordEncoder {
  /** What the file begins with. */
  head(): Uint8Array
  /** Takes records; answers what can be written now. */
  add(records: StreamRecord[]): Uint8Array
  /** Whatever was taken and not written yet. */
  flush(): Uint8Array
  /** What the file ends with, after flush(). */
  end(): Uint8Array
  /** What another one needs to go on behind the bytes so far, after flush(); for structured clones. */
  state(): unknown
}

const nothing = new Uint8Array()

/** CSV and NDJSON: each line tells all of its record, so that nothing waits and nothing ends it. */
export function textEncoder(format: FileFormat, columns: string[]): RecordEncoder {
  return {
    head: () => Buffer.from(fileHead(format, columns)),
    add: (records) =>
      Buffer.from(records.map((record) => recordLine(record, format, columns)).join('')),
    flush: () => nothing,
    end: () => nothing,
    state: () => undefined,
  }
}
