import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { WxError } from '../../../src/errors.js'
import { parseTemplate } from '../../../src/timebase/template.js'
import { parseWhere } from '../../../src/timebase/where.js'

const row = {
  symbol: 'roof',
  name: 'Roof top',
  temperature: 31.5,
  humidity: 20,
  clock: 'ntp',
  mac: '0042',
  hex: '12e4',
  place: 'Küche',
  ok: true,
  none: null,
}

describe('conditions', () => {
  it.each([
    ['temperature>30', true],
    ['temperature > 31.5', false],
    ['temperature>=31.5', true],
    ['temperature<-3e1', false],
    ['temperature=31.5', true],
    ['temperature==31.50', true],
    ['temperature!=31.5', false],
    ['symbol=roof', true],
    ["name='Roof top'", true],
    ['name="Roof top"', true],
    ['clock=ntp and temperature>30', true],
    ['clock=held or temperature>30', true],
    ['clock=held || humidity<30 && temperature<0', false],
    ['not clock=held', true],
    ['!(clock=ntp)', false],
    ['(clock=held or clock=ntp) and not humidity>50', true],
    ['clock=held or clock=ntp and humidity>50', false],
    ['temperature', true],
    ['pressure', false],
    ['none', false],
    ['not pressure', true],
    ['pressure>0', false],
    ['pressure<0', false],
    ['pressure!=0', false],
    ['ok=true', true],
    ['AND=1 or temperature>30', true],
    ['toString', false],
    ['mac=0042', true],
    ['mac=42', false],
    ['mac!=0042', false],
    ["mac<'0043'", true],
    ['hex=12e4', true],
    ['place=Küche', true],
    ['place>=Kü-1.*', true],
    ['__proto__', false],
    ['temperature>humidity', false],
  ])('%s -> %s', (source, expected) => expect(parseWhere(source)(row)).toBe(expected))

  it.each([
    [''],
    ['   '],
    ['temperature>'],
    ['>30'],
    ['temperature>30 and'],
    ['(temperature>30'],
    ['temperature>30)'],
    ['temperature>30 humidity<20'],
    ['temperature ** 2'],
    ["name='open"],
    ['a; b'],
    ['('.repeat(500)],
  ])('%j is a usage error', (source) => {
    expect(() => parseWhere(source)).toThrow(WxError)
    expect(() => parseWhere(source)).toThrow(expect.objectContaining({ code: 'USAGE' }))
  })

  it('of any text give a condition or a usage error', () => {
    const piece = fc.constantFrom(
      'temperature',
      '>',
      '<=',
      '30',
      '(',
      ')',
      'and',
      'or',
      'not',
      '!',
      "'x'",
      ' ',
      '=',
      '&&',
    )
    const source = fc.oneof(
      fc.string(),
      fc.array(piece, { maxLength: 12 }).map((all) => all.join(' ')),
    )
    fc.assert(
      fc.property(source, (text) => {
        try {
          expect(typeof parseWhere(text)(row)).toBe('boolean')
        } catch (error) {
          expect(error).toMatchObject({ code: 'USAGE' })
        }
      }),
    )
  })

  it('say where the mistake is', () => {
    expect(() => parseWhere('temperature>30 und humidity<5')).toThrow('at "und humidity"')
    const unquoted = (): unknown => parseWhere('symbol=240a')
    expect(unquoted).toThrow('at "a"')
    expect(unquoted).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('in quotes') }),
    )
  })
})

describe('templates', () => {
  it.each([
    ['{symbol} {temperature}', 'roof 31.5'],
    ['{temperature:2}|{humidity:0}', '31.50|20'],
    ['{{{symbol}}}', '{roof}'],
    ['a\\tb\\nc\\\\d', 'a\tb\nc\\d'],
    ['{pressure} {none}', '- -'],
    ['no field', 'no field'],
    ['{clock:3}', 'ntp'],
    ['', ''],
  ])('%j -> %j', (source, expected) => expect(parseTemplate(source)(row)).toBe(expected))

  it.each([['{'], ['}'], ['{symbol'], ['{}'], ['{a b}']])('%j is a usage error', (source) => {
    expect(() => parseTemplate(source)).toThrow(expect.objectContaining({ code: 'USAGE' }))
  })

  it('of any text write text or are a usage error', () => {
    fc.assert(
      fc.property(fc.string(), (source) => {
        try {
          expect(typeof parseTemplate(source)(row)).toBe('string')
        } catch (error) {
          expect(error).toMatchObject({ code: 'USAGE' })
        }
      }),
    )
  })
})
