import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { jsonRows } from '../../../src/timebase/json-rows.js'

async function* pieces(bytes: Uint8Array, cuts: number[]): AsyncGenerator<Uint8Array> {
  const at = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b)
  let start = 0
  for (const end of [...at, bytes.length]) {
    yield bytes.slice(start, end)
    start = end
  }
}

async function read(text: string | Uint8Array, cuts: number[] = []): Promise<unknown[]> {
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text
  const rows: unknown[] = []
  for await (const batch of jsonRows(pieces(bytes, cuts))) rows.push(...batch)
  return rows
}

const arrays = fc.array(fc.jsonValue(), { maxLength: 8 })
const cuts = fc.array(fc.nat(400), { maxLength: 12 })

/** What a stream holds: texts that look like seams, nested messages. */
const messages = fc.array(
  fc
    .record({
      symbol: fc.constantFrom('a', 'ä},{"$type":', '}', '\\"},{"$type":"x'),
      value: fc.oneof(
        fc.double({ noNaN: true }),
        fc.constantFrom('},{', null, [{ $type: 'inner' }, { $type: 'inner' }]),
      ),
    })
    .map((fields) => ({ $type: 'weather_record', ...fields })),
  { maxLength: 12 },
)

describe('jsonRows', () => {
  it('reads messages, wherever the answer is cut and whatever their texts look like', async () => {
    await fc.assert(
      fc.asyncProperty(messages, cuts, async (rows, at) => {
        expect(await read(JSON.stringify(rows), at)).toEqual(JSON.parse(JSON.stringify(rows)))
      }),
      { numRuns: 300 },
    )
  })

  it('never takes messages cut short for whole ones', async () => {
    await fc.assert(
      fc.asyncProperty(messages, fc.nat(), cuts, async (rows, length, at) => {
        const text = JSON.stringify(rows)
        await expect(read(text.slice(0, length % text.length), at)).rejects.toMatchObject({
          code: expect.stringMatching(/^ANSWER_IN(COMPLETE|VALID)$/),
        })
      }),
      { numRuns: 300 },
    )
  })

  it('reads what JSON.parse reads, wherever the answer is cut into pieces', async () => {
    await fc.assert(
      fc.asyncProperty(arrays, cuts, fc.constantFrom(0, 2), async (rows, at, indent) => {
        expect(await read(JSON.stringify(rows, null, indent), at)).toEqual(
          JSON.parse(JSON.stringify(rows)),
        )
      }),
      { numRuns: 300 },
    )
  })

  it('never takes an array cut short for a whole one', async () => {
    await fc.assert(
      fc.asyncProperty(arrays, fc.nat(), cuts, async (rows, length, at) => {
        const text = JSON.stringify(rows)
        const short = text.slice(0, length % text.length)
        await expect(read(short, at)).rejects.toMatchObject({
          code: expect.stringMatching(/^ANSWER_IN(COMPLETE|VALID)$/),
        })
      }),
      { numRuns: 300 },
    )
  })

  it('meets garbage with an error of its own, never another', async () => {
    const near = fc.stringMatching(/^[[\]{}",:\\a1 <\n-]{0,40}$/)
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string(), near, fc.uint8Array()), cuts, async (garbage, at) => {
        const outcome = await read(garbage, at).catch((error: unknown) => error)
        if (Array.isArray(outcome)) {
          const text = typeof garbage === 'string' ? garbage : Buffer.from(garbage).toString()
          expect(outcome).toEqual(JSON.parse(text))
        } else {
          expect(outcome).toMatchObject({ name: 'WxError' })
        }
      }),
      { numRuns: 500 },
    )
  })

  it.each([
    ['', 'ANSWER_INCOMPLETE'],
    ['[', 'ANSWER_INCOMPLETE'],
    ['[{"a":1},', 'ANSWER_INCOMPLETE'],
    ['[{"a":1},]', 'ANSWER_INVALID'],
    ['[,{"a":1}]', 'ANSWER_INVALID'],
    ['{"a":1}', 'ANSWER_INVALID'],
    ['[] []', 'ANSWER_INVALID'],
    ['[}', 'ANSWER_INVALID'],
    ['<html><body>502</body></html>', 'NOT_WEBADMIN'],
  ])('%j is %s', async (text, code) => {
    await expect(read(text)).rejects.toMatchObject({ code })
  })

  it('gives rows as soon as they are there', async () => {
    async function* slow(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('[{"n":1},{"n":2},{"n"')
      throw new Error('the rest never comes')
    }
    const rows = jsonRows(slow())
    expect((await rows.next()).value).toEqual([{ n: 1 }, { n: 2 }])
    await expect(rows.next()).rejects.toThrow('the rest never comes')
  })

  it('refuses a row without end', async () => {
    async function* endless(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('["')
      for (;;) yield Buffer.alloc(4_000_000, 0x61)
    }
    await expect(jsonRows(endless()).next()).rejects.toMatchObject({ code: 'ANSWER_INVALID' })
  })
})
