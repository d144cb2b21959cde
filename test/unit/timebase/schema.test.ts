import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { pathSegment, quoteIdentifier, quoteText } from '../../../src/timebase/names.js'
import {
  ddl,
  parseSchema,
  type RecordClass,
  schemaBody,
  statusSchema,
  weatherSchema,
} from '../../../src/timebase/schema.js'
import { compareSchemas } from '../../../src/timebase/schema-difference.js'
import { exchange } from '../../support/answers.js'

const weather = weatherSchema.classes[0] as RecordClass

/** The weather class with one field changed, added or (undefined) removed. */
function changed(name: string, change: Partial<RecordClass['fields'][0]> | undefined): RecordClass {
  const base = { name, type: 'FLOAT', encoding: 'IEEE32', nullable: true }
  const before = weather.fields.find((field) => field.name === name) ?? base
  const others = weather.fields.filter((field) => field.name !== name)
  return { ...weather, fields: change ? [...others, { ...before, ...change }] : others }
}

describe('statements', () => {
  it.each([
    ['weather_record', weatherSchema],
    ['station_status', statusSchema],
  ])('templates/%s.ddl is the schema we create', (name, schema) => {
    const path = new URL(`../../../templates/${name}.ddl`, import.meta.url)
    expect(readFileSync(path, 'utf8')).toBe(ddl(name, schema))
  })

  it('puts NOT NULL before the encoding', () => {
    const field = { name: 'x', type: 'FLOAT', encoding: 'IEEE32', nullable: false }
    const text = ddl('s', { classes: [{ name: 'c', fields: [field] }] })
    expect(text).toContain('"x" FLOAT NOT NULL IEEE32')
  })

  it('keeps every name and text inside its quotes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        try {
          const quoted = quoteIdentifier(name)
          expect(quoted.slice(1, -1)).toBe(name)
          expect(quoted.slice(1, -1)).not.toMatch(/["\n\r\0]/)
        } catch (error) {
          expect(error).toMatchObject({ code: 'USAGE' })
        }
        try {
          const quoted = quoteText(name)
          expect(quoted.slice(1, -1)).toBe(name)
          expect(quoted.slice(1, -1)).not.toMatch(/['\n\r\0]/)
        } catch (error) {
          expect(error).toMatchObject({ code: 'USAGE' })
        }
      }),
    )
  })

  it('keeps every name one segment of a path', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        let segment: string
        try {
          segment = pathSegment(name)
        } catch (error) {
          expect(error).toMatchObject({ code: 'USAGE' })
          return
        }
        const url = new URL(`/api/v0/${segment}/select`, 'http://server')
        expect(url.pathname.split('/')).toHaveLength(5)
        expect(decodeURIComponent(url.pathname.split('/')[3] ?? '')).toBe(name)
      }),
    )
  })

  it.each(['', '.', '..', '\ud800'])('refuses %j as a segment', (name) => {
    expect(() => pathSegment(name)).toThrow()
  })
})

describe('compareSchemas', () => {
  it('finds what the server made of our own body identical', () => {
    for (const { classes } of [weatherSchema, statusSchema]) {
      const body = JSON.parse(JSON.stringify(schemaBody({ classes })))
      expect(compareSchemas(classes, parseSchema(body))).toEqual([])
    }
  })

  it('tells what the recorded three-field stream lacks', () => {
    const body: unknown = JSON.parse(exchange('streams', 'schema').response.body ?? '')
    expect(compareSchemas(weatherSchema.classes, parseSchema(body))).toEqual([
      {
        kind: 'missing-field',
        class: 'weather_record',
        field: 'case_temperature',
        wanted: 'FLOAT IEEE32',
        loses: true,
      },
    ])
  })

  it.each([
    ['pressure', undefined, 'missing-field', true],
    ['pressure', { type: 'INTEGER', encoding: 'INT32' }, 'changed-field', true],
    ['pressure', { encoding: 'IEEE64' }, 'changed-field', false],
    ['pressure', { encoding: 'DECIMAL64' }, 'changed-field', true],
    ['pressure', { nullable: false }, 'changed-field', true],
    ['rain', { nullable: true }, 'extra-field', false],
    ['rain', { nullable: false }, 'extra-field', true],
    ['rain', { nullable: false, isStatic: true as const }, 'extra-field', false],
    ['pressure', { isStatic: true as const }, 'changed-field', true],
  ])('%s as %j is a %s', (name, change, kind, loses) => {
    expect(compareSchemas([weather], [changed(name, change)])).toMatchObject([
      { kind, field: name, loses },
    ])
  })

  it.each([{ encoding: 'BINARY (32)' }, { title: 'Something else' }])(
    'takes %j for the same',
    (change) => {
      expect(compareSchemas([weather], [changed('pressure', change)])).toEqual([])
    },
  )

  it('reads any body without falling over', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (body) => {
        expect(Array.isArray(compareSchemas(weatherSchema.classes, parseSchema(body)))).toBe(true)
      }),
    )
  })
})
