import fc from 'fast-check'
import { expect, it } from 'vitest'
import { TailLines } from '../../../src/cli/tail-lines.js'
import { asRows, type Row } from '../../../src/timebase/row.js'
import { RowScanner } from '../../../src/timebase/row-scanner.js'

const floats = new Map([['weather_record', ['temperature']]])

/** Rows as one answer brings them: with the lines they were read with, or without. */
function rowsOf(count: number, isScanned: boolean): Row[] {
  const messages = Array.from({ length: count }, (_, i) => ({
    $type: 'weather_record',
    symbol: `s${i}`,
    timestamp: new Date(i * 1000).toISOString(),
    temperature: String(i / 2),
  }))
  const bytes = Buffer.from(JSON.stringify(messages).slice(1, -1))
  const rows: unknown[] = []
  if (isScanned) new RowScanner(floats).scan(bytes, 0, bytes.length, rows)
  return asRows(isScanned ? rows : messages, floats)
}

const step = fc.record({
  rows: fc.integer({ min: 0, max: 4 }),
  isScanned: fc.boolean(),
  isAsRead: fc.boolean(),
  text: fc.option(fc.constantFrom('a notice', '{"other":1}'), { nil: undefined }),
  isEmitted: fc.boolean(),
})

it('writes everything once and in order, however it was read', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const lines = new TailLines()
      let out = ''
      const wanted: string[] = []
      const emit = async (piece: string | Uint8Array): Promise<void> => {
        out += typeof piece === 'string' ? `${piece}\n` : Buffer.from(piece).toString()
      }
      for (const { rows, isScanned, isAsRead, text, isEmitted } of steps) {
        for (const row of rowsOf(rows, isScanned)) {
          lines.record(row, isAsRead)
          wanted.push(JSON.stringify(row))
        }
        if (text !== undefined) {
          lines.push(text)
          wanted.push(text)
        }
        if (isEmitted) await lines.emit(emit)
      }
      await lines.emit(emit)
      expect(out).toBe(wanted.map((line) => `${line}\n`).join(''))
    }),
    { numRuns: 200 },
  )
})
