import { describe, expect, it } from 'vitest'
import { AutoReset, generousCapacitors } from '../../src/sandbox/board/auto-reset.js'
import { fakeClock } from '../support/clock.js'

function circuit(times = generousCapacitors) {
  const clock = fakeClock()
  const events: string[] = []
  const reset: AutoReset = new AutoReset(clock, times, {
    hold: () => events.push('held'),
    release: () => events.push(reset.io0IsLow ? 'download' : 'flash'),
  })
  /** Sets DTR and RTS, then waits. */
  const step = async (dtr: 0 | 1, rts: 0 | 1, waitMs: number): Promise<void> => {
    reset.set(dtr === 1, rts === 1)
    await clock.advance(waitMs)
  }
  return { events, step, reset }
}

describe('DTR and RTS', () => {
  it.each([
    [0, 0, false, false],
    [1, 1, false, false],
    [0, 1, true, false],
    [1, 0, false, true],
  ] as const)('DTR %i, RTS %i: EN low %s, IO0 low %s', async (dtr, rts, held, io0) => {
    const { reset, step } = circuit()
    await step(dtr, rts, 0)
    expect([reset.isHeld, reset.io0IsLow]).toEqual([held, io0])
  })

  it('RTS alone resets into flash', async () => {
    const { events, step } = circuit()
    await step(0, 1, 100)
    await step(0, 0, 500)
    expect(events).toEqual(['held', 'flash'])
  })

  it.each([
    ['generous capacitors', generousCapacitors, 50],
    ['a small one, both lines at once', { enRiseMs: 2, io0RiseMs: 0 }, 50],
    ['a large one, the long delay', { enRiseMs: 300, io0RiseMs: 0 }, 550],
  ])('the classic sequence enters download mode: %s', async (_, times, delay) => {
    const { events, step } = circuit(times)
    await step(0, 1, 100)
    await step(1, 0, delay)
    await step(0, 0, 1000)
    expect(events).toEqual(['held', 'download'])
  })

  it('a host that moves one line after the other, 55 ms apart, enters download mode too', async () => {
    const { events, step } = circuit()
    await step(0, 0, 55)
    await step(0, 1, 155)
    await step(1, 1, 55)
    await step(1, 0, 105)
    await step(0, 0, 1000)
    expect(events).toEqual(['held', 'download'])
  })

  it('the same host boots the app on a board with small capacitors', async () => {
    const { events, step } = circuit({ enRiseMs: 2, io0RiseMs: 0 })
    await step(0, 1, 155)
    await step(1, 1, 55)
    await step(1, 0, 105)
    expect(events).toEqual(['held', 'flash'])
  })

  it('the order in which a terminal opens and closes a port resets nothing', async () => {
    const { events, step } = circuit()
    await step(1, 0, 55)
    await step(1, 1, 5000)
    await step(0, 0, 5000)
    expect(events).toEqual([])
  })

  it('EN stays low as long as it is held, and rises once', async () => {
    const { events, step } = circuit()
    await step(0, 1, 5000)
    expect(events).toEqual(['held'])
    await step(0, 0, 50)
    await step(0, 1, 50)
    await step(0, 0, 5000)
    expect(events).toEqual(['held', 'flash'])
  })
})
