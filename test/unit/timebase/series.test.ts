import { expect, it } from 'vitest'
import { derive } from '../../../src/timebase/derive.js'
import { readSeries, type Series } from '../../../src/timebase/series.js'
import { fakeClock } from '../../support/clock.js'
import { fakeServer } from '../../support/tail-source.js'

const start = Date.UTC(2026, 10, 23)
const minute = 60_000
const minutes = 200

/** The series of one station, a record a minute, with what is said about some of them. */
async function seriesOf(
  field: string,
  fields: (minute: number) => object,
): Promise<Series | undefined> {
  const server = fakeServer(fakeClock(start))
  for (let i = 0; i < minutes; i++)
    server.append('a', start + i * minute, {
      temperature: 20,
      humidity: 50,
      pressure: 1000,
      ...fields(i),
    })
  const found = await readSeries(
    server,
    {
      fields: [field],
      sinceMs: start,
      untilMs: start + minutes * minute,
      steps: minutes,
      prepare: (row) => derive(row, 100),
    },
    new AbortController().signal,
  )
  return found.get(field)?.[0]
}

it('ends a line where a sensor gave nothing for long, though its station went on', async () => {
  const isDead = (i: number): boolean => i >= 50 && i < 150
  const fields = (i: number): object => (isDead(i) ? { temperature: undefined } : {})
  const air = await seriesOf('temperature', fields)
  expect(air?.runs.map((run) => run.length)).toEqual([50, 50])
  const pressure = await seriesOf('pressure', fields)
  expect(pressure?.runs.map((run) => run.length)).toEqual([200])
})

it.each([
  ['pressure', { pressure: 2000 }, 199],
  ['sea_level_pressure', { pressure: 2000 }, 199],
  ['sea_level_pressure', { temperature: 300 }, 199],
  ['dew_point', { humidity: 130 }, 199],
  ['dew_point', { pressure: 2000 }, 200],
])('draws of %s nothing that comes of %j', async (field, wild, records) => {
  const series = await seriesOf(field, (i) => (i === 10 ? wild : {}))
  expect(series?.records).toBe(records)
  expect(series?.high).toBe(series?.low)
})
