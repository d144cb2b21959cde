import { describe, expect, it } from 'vitest'
import { temporaryFolder } from '../support/system.js'
import { missing, python } from './run.js'

describe.skipIf(missing)(`the station's reports in real MicroPython ${missing ?? ''}`, () => {
  it('come through outages, refusals and a server that takes only one stream', async () => {
    const { results, code, text } = await python('upload_states.py', { cwd: temporaryFolder() })
    expect(code, text).toBe(0)
    const said = Object.fromEntries(results.map(({ name, ...rest }) => [name, rest]))
    // Nine days: past the chip's six, where a time long due seems to lie ahead.
    expect(said.outage).toEqual({ left: 0, late: 0, ntp: 0 })
    expect(said.meanwhile).toEqual({
      errors: ['', '', '', '', '', 'am2320 silent', 'am2320 silent'],
      uptimes: [61, 122, 183, 244, 305, 330],
    })
    // Of many the first are kept, and the last is what later records say.
    expect(said.faults).toEqual({
      errors: ['config corrupt', 'OSError: 28', 'third', 'fourth', 'sixth'],
      stamps: 5,
    })
    for (const state of ['stream', 'forbidden', 'path', 'answer', 'future'])
      expect(said[`data ${state}`], state).toEqual({
        errors: ['', `upload ${state}`],
      })
    // Nobody to tell.
    for (const state of ['network', 'server', 'portal'])
      expect(said[`data ${state}`], state).toEqual({ errors: [] })
    for (const [state, first, most] of [
      ['network', 1, 60],
      ['server', 5, 120],
      ['stream', 15, 300],
      ['forbidden', 60, 900],
      ['portal', 15, 120],
      ['answer', 10, 300],
    ] as const) {
      const { pauses, left, again } = said[`pauses ${state}`] as {
        pauses: number[]
        left: number
        again: number
      }
      expect(pauses.length, state).toBeGreaterThan(3)
      // A round itself takes some of the test's steps of a second.
      const isAbout = (seconds: number, wanted: number): void => {
        expect(seconds, state).toBeGreaterThanOrEqual(wanted)
        expect(seconds, state).toBeLessThan(wanted + 6)
      }
      for (const [i, pause] of pauses.entries()) isAbout(pause, Math.min(first << i, most))
      expect(left, state).toBe(0)
      isAbout(again, first)
    }
    for (const state of ['stream', 'forbidden']) {
      expect(said[`no state ${state}`]).toEqual({ taken: true, tries: 5, errors: 0 })
      expect(said[`state again ${state}`]).toEqual({ told: true })
    }
    expect(said.refused).toEqual({
      counted: true,
      lines: true,
      record: {
        $type: 'weather_record',
        symbol: 'st-1',
        timestamp: '2026-08-27T13:20:10.000Z',
        temperature: 20,
        humidity: 50,
        pressure: 900.01,
        case_temperature: 21,
      },
      reason: 'Message st-1 2026-08-27 13:20:10.000 GMT is out of sequence (< x)',
      told: true,
    })
    expect(said['state refused']).toEqual({ tries: 5 })
    // Three quarters of the interval, or after ten seconds any moment.
    expect(said.calm).toEqual({ moments: [2000, 100, 10_950] })
    expect(said.swollen).toEqual({ grown: 0, boot: 3 })
  })
})
