import { describe, expect, it } from 'vitest'
import { WxError } from '../../../src/errors.js'
import { Outage } from '../../../src/timebase/outage.js'

/** A clock that stands still but for sleeping, and for what an attempt takes. */
function stoppedClock() {
  const clock = {
    ms: 0,
    monotonic: () => clock.ms,
    async sleep(ms: number) {
      clock.ms += ms
    },
  }
  return clock
}

const away = new WxError('NETWORK_UNREACHABLE', 'away')

/** Attempts until the outage is given up, and the seconds they took. */
async function patience(error: unknown, attemptMs: number, between = (_: Outage) => {}) {
  const clock = stoppedClock()
  const outage = new Outage(clock)
  for (let attempts = 1; attempts < 1000; attempts++) {
    clock.ms += attemptMs
    try {
      await outage.outlast(error)
    } catch (thrown) {
      expect(thrown).toBe(error)
      return { attempts, seconds: clock.ms / 1000 }
    }
    between(outage)
  }
  return { attempts: Number.POSITIVE_INFINITY, seconds: clock.ms / 1000 }
}

describe('an outage', () => {
  it.each([
    ['of a server that refuses at once', 0, { attempts: 20, seconds: 57 }],
    ['of one that is slow to fail', 1500, { attempts: 15, seconds: 64.5 }],
    ['of one that hangs', 30_000, { attempts: 6, seconds: 195 }],
  ])('%s is outlasted for a minute, and not for ever', async (_, attemptMs, found) => {
    expect(await patience(away, attemptMs)).toEqual(found)
  })

  it('is over when the work goes on', async () => {
    expect(await patience(away, 0, (outage) => outage.end())).toMatchObject({
      attempts: Number.POSITIVE_INFINITY,
    })
  })

  it('is not over because a part of the work goes on', async () => {
    expect(await patience(away, 0, (outage) => outage.part().end())).toMatchObject({ attempts: 20 })
  })

  it.each([
    new WxError('LOGIN_REFUSED', 'no'),
    new WxError('TIMEBASE_REFUSED', 'no'),
    new Error('fault'),
  ])('is none where waiting helps nobody: %s', async (error) => {
    expect(await patience(error, 0)).toMatchObject({ attempts: 1 })
  })
})
