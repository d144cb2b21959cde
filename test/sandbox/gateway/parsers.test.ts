import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ddlText } from '../../../src/sandbox/gateway/ddl-text.js'
import { elementText, htmlSafe, parseLenient } from '../../../src/sandbox/gateway/gson.js'
import { parseBody } from '../../../src/sandbox/gateway/jackson.js'
import { JavaError } from '../../../src/sandbox/gateway/java-error.js'
import { frameText, parseFrames } from '../../../src/sandbox/gateway/live/stomp-frames.js'
import { createStatement } from '../../../src/sandbox/gateway/qql/ddl.js'
import { Tokens } from '../../../src/sandbox/gateway/qql/lexer.js'
import { selectStatement } from '../../../src/sandbox/gateway/qql/select.js'
import { Cursor } from '../../../src/sandbox/gateway/store/cursor.js'
import { SymbolIndex } from '../../../src/sandbox/gateway/store/symbol-index.js'

/** Whatever comes in, the answer is a value or a Java exception, never a fault of ours. */
function onlyJavaErrors(parse: () => unknown): void {
  try {
    parse()
  } catch (error) {
    if (!(error instanceof JavaError)) throw error
  }
}

const pieces = (words: string[]): fc.Arbitrary<string> =>
  fc
    .array(fc.oneof(fc.constantFrom(...words), fc.string({ maxLength: 4 })), { maxLength: 20 })
    .map((parts) => parts.join(' '))

describe('parsers', () => {
  it('Gson: reads every JSON text and writes it back', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value)
        expect(JSON.parse(elementText(parseLenient(text)))).toEqual(JSON.parse(text))
      }),
    )
  })

  it('Gson: survives any text', () => {
    const json = pieces([
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      "'b'",
      '\\u00',
      '1e',
      '//',
      '/*',
      ';',
    ])
    fc.assert(
      fc.property(json, (text) => onlyJavaErrors(() => parseLenient(text))),
      {
        numRuns: 1000,
      },
    )
  })

  it('Gson: escapes every string so that JSON reads it back', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(JSON.parse(htmlSafe(text))).toBe(text)
        expect(htmlSafe(text)).not.toMatch(/[<>&='\u2028\u2029]/)
      }),
    )
  })

  it('Jackson: survives any text', () => {
    const json = pieces(['{', '}', '[', ']', ',', ':', '"a"', '"', '\\', '\n', '1', 'true', 'x'])
    fc.assert(
      fc.property(json, (text) => onlyJavaErrors(() => parseBody(text, 'Model'))),
      {
        numRuns: 1000,
      },
    )
  })

  it('QQL: survives any text', () => {
    const words =
      'SELECT * FROM "weather" WHERE symbol == \'a\' AND ( ) { } avg count LIMIT 1 OVER TIME 1h GROUP BY AS LIKE BETWEEN IN - NOT NULL , reverse live .5 1e5 /* --'
    const query = pieces(words.split(' '))
    fc.assert(
      fc.property(query, (text) => onlyJavaErrors(() => selectStatement(new Tokens(text)))),
      {
        numRuns: 1000,
      },
    )
  })

  it('DDL: survives any text', () => {
    const words =
      'DURABLE STREAM "x" ( ) CLASS ENUM "r" FLOAT INTEGER IEEE32 NOT NULL BETWEEN 0.0 AND 1.0f , ; = OPTIONS COMMENT \'t\' STATIC UNDER ARRAY OBJECT VARCHAR MULTILINE TAGS'
    const ddl = pieces(words.split(' '))
    fc.assert(
      fc.property(ddl, (text) => onlyJavaErrors(() => createStatement(new Tokens(text)))),
      {
        numRuns: 1000,
      },
    )
  })

  it('DDL: what describe prints makes the same stream again', () => {
    const type = fc.constantFrom(
      'FLOAT IEEE32',
      'FLOAT',
      'FLOAT NOT NULL DECIMAL64',
      'FLOAT DECIMAL(2)',
      'INTEGER INT8',
      'INTEGER INT32 BETWEEN 0 AND 100',
      'INTEGER NOT NULL',
      'VARCHAR',
      'VARCHAR NOT NULL',
      'VARCHAR ALPHANUMERIC(10)',
      'BOOLEAN',
      'CHAR',
      'TIMESTAMP',
      'TIMEOFDAY NOT NULL',
      'BINARY',
      'ARRAY(FLOAT IEEE32)',
      '"kind"',
    )
    const field = fc.tuple(fc.stringMatching(/^[a-z][a-zA-Z0-9 _]{0,8}$/), type, fc.boolean())
    const fields = fc.uniqueArray(field, { minLength: 1, maxLength: 8, selector: ([name]) => name })
    fc.assert(
      fc.property(fields, fc.boolean(), (list, isFixed) => {
        const body = list
          .map(([name, what, titled]) => `"${name}" ${titled ? "'It''s' " : ''}${what}`)
          .join(', ')
        const text = `DURABLE STREAM "s" 'Title' (ENUM "kind" ("A", "B"); CLASS "c" (${body})) OPTIONS (${isFixed ? 'FIXEDTYPE' : 'POLYMORPHIC'}) COMMENT 'x'`
        const made = createStatement(new Tokens(text))
        const again = createStatement(
          new Tokens(ddlText(made.key, made.schema, made.options).trim()),
        )
        expect(again).toEqual(made)
      }),
    )
  })

  it('STOMP: reads back the frames it writes, and survives any text', () => {
    const value = fc.stringMatching(/^[a-z0-9 /?=-]{0,20}$/)
    fc.assert(
      fc.property(value, fc.stringMatching(/^[^\0]{0,40}$/), (header, body) => {
        const text = frameText('MESSAGE', [['destination', header]], body)
        expect(parseFrames(`\n${text}\n${text}`)).toEqual(
          Array.from({ length: 2 }, () => ({
            command: 'MESSAGE',
            headers: new Map([['destination', header]]),
            body,
          })),
        )
      }),
    )
    fc.assert(
      fc.property(pieces(['CONNECT\n', 'SUBSCRIBE\n', 'a:b\n', '\n', '\0', '\\c', ':']), (text) => {
        parseFrames(text)
      }),
    )
  })
})

describe('index and cursor', () => {
  const operation = fc.oneof(
    { weight: 8, arbitrary: fc.record({ add: fc.nat(30), symbol: fc.nat(2) }) },
    { weight: 1, arbitrary: fc.record({ truncate: fc.nat(30), symbol: fc.nat(2) }) },
    { weight: 1, arbitrary: fc.record({ purge: fc.nat(30), symbol: fc.nat(2) }) },
  )

  it('give what a sorted list gives, in pages of any size, both ways', () => {
    fc.assert(
      fc.property(
        fc.array(operation, { maxLength: 60 }),
        fc.integer({ min: 1, max: 7 }),
        fc.nat(30),
        fc.nat(30),
        (operations, page, from, to) => {
          const symbols = [0, 1, 2].map((id) => new SymbolIndex(id, `s${id}`))
          let plain: { time: number; place: number; symbol: number }[] = []
          for (const [place, one] of operations.entries()) {
            const index = symbols[one.symbol] as SymbolIndex
            if ('add' in one) {
              index.add(one.add, place)
              plain.push({ time: one.add, place, symbol: one.symbol })
            } else if ('truncate' in one) {
              index.truncate(one.truncate)
              plain = plain.filter((r) => r.symbol !== one.symbol || r.time < one.truncate)
            } else {
              index.purge(one.purge)
              plain = plain.filter((r) => r.symbol !== one.symbol || r.time >= one.purge)
            }
          }
          const sorted = plain.sort((a, b) => a.time - b.time || a.place - b.place)
          const read = (reverse: boolean): number[] => {
            const before = Number.POSITIVE_INFINITY
            const cursor = new Cursor({ symbols, from, to, reverse, before })
            const found: number[] = []
            for (let more = [0]; more.length > 0; ) {
              more = cursor.next(page)
              found.push(...more)
            }
            return found
          }
          const forward = sorted.filter(({ time }) => time >= from && time <= to)
          const backward = sorted.filter(({ time }) => time <= from && time >= to).reverse()
          expect(read(false)).toEqual(forward.map(({ place }) => place))
          expect(read(true)).toEqual(backward.map(({ place }) => place))
        },
      ),
      { numRuns: 300 },
    )
  })
})
