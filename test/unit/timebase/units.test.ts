import { describe, expect, it } from 'vitest'
import { derive, dewPoint, seaLevelPressure } from '../../../src/timebase/derive.js'
import { convertUnits, measureOf, type UnitSystem } from '../../../src/timebase/units.js'

describe('units', () => {
  const row = { temperature: 25, case_temperature: -40, humidity: 50, pressure: 1013.25, boot: 3 }
  it.each([
    ['metric', row],
    ['us', { temperature: 77, case_temperature: -40, humidity: 50, pressure: 29.921256, boot: 3 }],
    [
      'si',
      { temperature: 298.15, case_temperature: 233.15, humidity: 50, pressure: 101_325, boot: 3 },
    ],
  ] as [UnitSystem, object][])('%s', (system, expected) => {
    const converted = { ...row }
    convertUnits(converted, system)
    expect(converted).toEqual(expected)
  })

  it('has no unit for a foreign field', () => expect(measureOf('boot', 'us')).toBeUndefined())
})

describe('dew point', () => {
  // Values of the Magnus formula as published tables give them, to 0.1 °C.
  it.each([
    [20, 100, 20],
    [25, 50, 13.9],
    [30, 80, 26.2],
    [0, 60, -6.8],
    [-10, 80, -12.8],
  ])('of %s °C at %s %% is %s °C', (celsius, humidity, expected) => {
    expect(dewPoint(celsius, humidity)).toBeCloseTo(expected, 0.9)
  })

  it.each([
    [20, 0],
    [20, 101],
    [80, 50],
    [Number.NaN, 50],
  ])('of %s °C at %s %% has no meaning', (celsius, humidity) => {
    expect(dewPoint(celsius, humidity)).toBeUndefined()
  })
})

describe('pressure at sea level', () => {
  it.each([
    [1013.25, 0, 15, 1013.25],
    // The standard atmosphere: 954.61 hPa and 11.75 °C at 500 m, 898.75 hPa and 8.5 °C at 1000 m.
    [954.61, 500, 11.75, 1013.25],
    [898.75, 1000, 8.5, 1013.25],
  ])('%s hPa at %s m and %s °C', (pressure, meters, celsius, expected) => {
    expect(seaLevelPressure(pressure, meters, celsius)).toBeCloseTo(expected, 0)
  })
})

describe('derive', () => {
  it('adds what the record and the height allow', () => {
    const whole = { temperature: 25, humidity: 50, pressure: 954.61 }
    derive(whole, 500)
    expect(whole).toMatchObject({ dew_point: 13.85, sea_level_pressure: expect.any(Number) })
    const without = { temperature: 25, pressure: 1000 }
    derive(without)
    expect(without).toEqual({ temperature: 25, pressure: 1000 })
  })
})
