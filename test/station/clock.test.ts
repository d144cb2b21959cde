import { describe, expect, it } from 'vitest'
import { missing, python } from './run.js'

describe.skipIf(missing)(`the station's clock in real MicroPython ${missing ?? ''}`, () => {
  it('follows time servers without a stamp that stands or goes back', async () => {
    const { results, code, text } = await python('clock_steps.py')
    expect(code, text).toBe(0)
    const said = Object.fromEntries(results.map(({ name, ...rest }) => [name, rest]))
    expect(said.set).toEqual({ before: ['unset', null, 60], off: 0, state: 'ntp', anchors: 1 })
    // What a clock set back is ahead is given back, 1 ms of 20; half of the time when it is far.
    expect(said['back a little']).toEqual({ offs: [0, -500, -1500], now: -1500, steady: true })
    expect(said.forward).toEqual({ off: 0, steady: true, anchors: 1 })
    expect(said['back far']).toEqual({ offs: [0, -50_000, -89_200], now: -90_000, steady: true })
    expect(said['behind the last']).toMatchObject({ off: 3_598_501, now: 0, steady: true })
    expect(Number(said['behind the last']?.later)).toBeLessThan(2000)
    expect(said.held).toEqual({ day: 'ntp', later: 'held', off: 0 })
    expect(said['found again']).toEqual({ state: 'ntp' })
    // Six hours of 50 ppm are 1,080 ms; two hours at once are somebody's mistake.
    expect(said.drift).toEqual({ gone: 1080, ppm: -50, off: 1080 })
    expect(said['no drift']).toEqual({ ppm: -50 })
  })
})
