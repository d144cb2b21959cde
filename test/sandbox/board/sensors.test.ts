import { describe, expect, it } from 'vitest'
import { Am2320 } from '../../../src/sandbox/board/sensors/am2320.js'
import { Bmp180 } from '../../../src/sandbox/board/sensors/bmp180.js'
import { Bus } from '../../../src/sandbox/board/sensors/bus.js'
import { noFaults } from '../../../src/sandbox/faults.js'
import { makeWeather } from '../../../src/sandbox/weather.js'

function bench() {
  const outside = {
    ms: 0,
    conditions: { temperature: 25, humidity: 50, pressure: 1013.2, caseTemperature: 28.4 },
    now: () => outside.ms,
    weather: () => outside.conditions,
  }
  const faults = noFaults()
  const bus = new Bus(faults, [new Am2320(outside), new Bmp180(outside)])
  return { outside, faults, bus }
}

const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex')

describe('Am2320', () => {
  const ask = Uint8Array.of(3, 0, 4)

  it('does not answer while it sleeps, wakes after 0.8 ms, sleeps again after 3 s', () => {
    const { outside, bus } = bench()
    expect(bus.write(0x5c, new Uint8Array(0))).toBeUndefined()
    outside.ms += 0.5
    expect(bus.write(0x5c, ask)).toBeUndefined()
    outside.ms += 1
    expect(bus.write(0x5c, ask)).toBe(true)
    outside.ms += 3001
    expect(bus.write(0x5c, ask)).toBeUndefined()
  })

  it.each([
    [50, 25, '030401f400fa31a5'],
    [45.3, -10.1, '030401c5806541c2'],
    [99.9, 80, '030403e7032040b3'],
  ])('answers %f %%RH and %f °C as the data sheet writes them', (humidity, temperature, bytes) => {
    const { outside, bus } = bench()
    outside.conditions = { ...outside.conditions, humidity, temperature }
    const read = (): string => {
      bus.write(0x5c, new Uint8Array(0))
      outside.ms += 2
      bus.write(0x5c, ask)
      outside.ms += 2
      return hex(bus.read(0x5c, 8))
    }
    // The first answer is the measurement before this read.
    outside.ms += 5000
    expect(read()).toBe('030401f400fa31a5')
    outside.ms += 5000
    expect(read()).toBe(bytes)
  })

  it('names an unknown function and a bad address', () => {
    const { outside, bus } = bench()
    bus.write(0x5c, new Uint8Array(0))
    outside.ms += 2
    bus.write(0x5c, Uint8Array.of(7))
    outside.ms += 2
    expect(hex(bus.read(0x5c, 2))).toBe('8780')
    bus.write(0x5c, Uint8Array.of(3, 0x1f, 4))
    outside.ms += 2
    expect(hex(bus.read(0x5c, 2))).toBe('8381')
  })
})

/** The data sheet's compensation, written down here once more. */
function compensate(ut: number, up: number, oss: number): { t: number; p: number } {
  const x1 = Math.floor(((ut - 23_153) * 32_757) / 2 ** 15)
  const b5 = x1 + Math.trunc((-8711 * 2 ** 11) / (x1 + 2868))
  const b6 = b5 - 4000
  const x3 =
    Math.floor((4 * Math.floor((b6 * b6) / 2 ** 12)) / 2 ** 11) + Math.floor((-72 * b6) / 2 ** 11)
  const b3 = Math.floor(((408 * 4 + x3) * 2 ** oss + 2) / 4)
  const y3 =
    Math.floor((-14_383 * b6) / 2 ** 13) +
    Math.floor((6190 * Math.floor((b6 * b6) / 2 ** 12)) / 2 ** 16)
  const b4 = Math.floor((32_741 * (Math.floor((y3 + 2) / 4) + 32_768)) / 2 ** 15)
  const b7 = (up - b3) * Math.floor(50_000 / 2 ** oss)
  let p = Math.trunc((b7 * 2) / b4)
  const y1 = Math.floor((Math.floor(p / 2 ** 8) ** 2 * 3038) / 2 ** 16)
  p += Math.floor((y1 + Math.floor((-7357 * p) / 2 ** 16) + 3791) / 16)
  return { t: Math.floor((b5 + 8) / 16) / 10, p: p / 100 }
}

describe('Bmp180', () => {
  it('has the chip id and the calibration of the data sheet', () => {
    const { bus } = bench()
    bus.write(0x77, Uint8Array.of(0xd0))
    expect(hex(bus.read(0x77, 1))).toBe('55')
    bus.write(0x77, Uint8Array.of(0xaa))
    expect(hex(bus.read(0x77, 22))).toBe('0198ffb8c7d17fe57ff55a71182e00048000ddf90b34')
  })

  it.each([0, 1, 2, 3])(
    'gives the weather back through the compensation, oversampling %i',
    (oss) => {
      const { outside, bus } = bench()
      const measure = (command: number, ms: number): Uint8Array => {
        bus.write(0x77, Uint8Array.of(0xf4, command))
        outside.ms += ms
        bus.write(0x77, Uint8Array.of(0xf6))
        return bus.read(0x77, 3)!
      }
      const a = measure(0x2e, 5)
      const b = measure(0x34 + (oss << 6), 26)
      const up = ((b[0]! << 16) | (b[1]! << 8) | b[2]!) >> (8 - oss)
      const { t, p } = compensate((a[0]! << 8) | a[1]!, up, oss)
      expect(t).toBeCloseTo(28.4, 1)
      expect(Math.abs(p - 1013.2)).toBeLessThan(0.06)
    },
  )

  it('keeps the old result until the conversion is over', () => {
    const { outside, bus } = bench()
    bus.write(0x77, Uint8Array.of(0xf4, 0x2e))
    outside.ms += 4
    bus.write(0x77, Uint8Array.of(0xf6))
    expect(hex(bus.read(0x77, 2))).toBe('0000')
    outside.ms += 1
    bus.write(0x77, Uint8Array.of(0xf6))
    expect(hex(bus.read(0x77, 2))).not.toBe('0000')
  })
})

describe('Bus', () => {
  it('loses a dead sensor at once and finds it again', () => {
    const { faults, bus } = bench()
    faults.deadSensors = ['bmp180']
    expect(bus.write(0x77, Uint8Array.of(0xd0))).toBeUndefined()
    faults.deadSensors = []
    expect(bus.write(0x77, Uint8Array.of(0xd0))).toBe(true)
  })

  it('is freed by nine pulses of the clock', () => {
    const { faults, bus } = bench()
    faults.stuckBus = true
    for (let i = 0; i < 8; i++) bus.clock()
    expect(bus.isStuck).toBe(true)
    bus.clock()
    expect(bus.isStuck).toBe(false)
  })
})

describe('weather', () => {
  it('is the same for the same seed and time, and another for another', () => {
    const at = Date.UTC(2026, 10, 23)
    expect(makeWeather(3).at(at)).toEqual(makeWeather(3).at(at))
    expect(makeWeather(3).at(at)).not.toEqual(makeWeather(4).at(at))
  })

  it('stays plausible, and changes little in two seconds', () => {
    const weather = makeWeather(7)
    for (let i = 0; i < 2000; i++) {
      const ms = Date.UTC(2026, 0, 1) + i * 3_600_000 * 4.4
      const a = weather.at(ms)
      const b = weather.at(ms + 2000)
      expect(Math.abs(a.temperature)).toBeLessThan(45)
      expect(a.humidity).toBeGreaterThan(0)
      expect(a.humidity).toBeLessThan(100)
      expect(Math.abs(a.pressure - 1009)).toBeLessThan(20)
      expect(Math.abs(a.temperature - b.temperature)).toBeLessThan(0.1)
      expect(Math.abs(a.pressure - b.pressure)).toBeLessThan(0.1)
    }
  })
})
