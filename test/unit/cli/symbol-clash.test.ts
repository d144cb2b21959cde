import { describe, expect, it } from 'vitest'
import type { Context } from '../../../src/cli/context.js'
import type { StationStreams } from '../../../src/cli/station-streams.js'
import { type Claims, warnOfClashes } from '../../../src/cli/symbol-clash.js'
import type { Event } from '../../../src/events.js'
import { Secret } from '../../../src/secret.js'
import { rememberStation, type Station } from '../../../src/station/inventory.js'
import { apiKeyAuth } from '../../../src/timebase/auth/api-key.js'
import { makeClient } from '../../../src/timebase/client.js'
import { scripted } from '../../support/answers.js'
import { testSystem } from '../../support/system.js'

const roof = { mac: '24:0a:c4:00:00:01', symbol: 'roof', stream: 'weather_record' }
const shed = { mac: '24:0a:c4:00:00:02', symbol: 'shed', stream: 'weather_record' }
const stored = { type: 'weather_record', symbol: 'roof', timestamp: '2026-11-23T00:00:00.000Z' }

interface Case {
  known?: Station[]
  records?: object[]
  missing?: string[]
  claims?: Claims
  board?: typeof roof
}

/** Notices about a board, and how often the stream was looked into. */
async function clashes({ known = [], records = [], missing = [], claims, board = roof }: Case) {
  const system = testSystem()
  for (const station of known) await rememberStation(system, station)
  const server = scripted(() => ({ body: JSON.stringify(records) }))
  const notices: string[] = []
  const report = (event: Event): void => {
    if (event.type === 'notice')
      notices.push(`${event.notice} ${event.values?.other ?? event.values?.last}`)
  }
  const context = { system, report } as unknown as Context
  const url = 'http://timebase:8099'
  const auth = apiKeyAuth({ name: 'key', secret: new Secret('s') }, system)
  const client = makeClient({ url, auth }, { ...system, fetch: server.fetch })
  const streams = { client, missing } as unknown as StationStreams
  await warnOfClashes(context, streams, board, claims ?? new Map())
  return { notices, looks: server.sent.length }
}

describe("a board's symbol", () => {
  it.each<[string, Case, string[], number]>([
    ['is its own alone', {}, [], 1],
    [
      'is another board of the inventory too',
      { known: [{ ...shed, symbol: 'roof', name: 'Shed' }] },
      ['symbol-clash Shed'],
      0,
    ],
    [
      'is that of another board in another stream',
      { known: [{ ...shed, symbol: 'roof', stream: 'garden' }] },
      [],
      1,
    ],
    [
      'has records of a station nobody here knows',
      { records: [stored] },
      [`symbol-in-use ${stored.timestamp}`],
      1,
    ],
    ['has records of its own, from before', { known: [roof], records: [stored] }, [], 0],
    ['is made of its MAC', { board: { ...roof, symbol: 'esp000001' }, records: [stored] }, [], 0],
    ['is in a stream that is not there yet', { missing: ['weather_record'] }, [], 0],
  ])('%s', async (_what, given, notices, looks) => {
    expect(await clashes(given)).toEqual({ notices, looks })
  })

  it('is that of another board in the same command, whichever comes first', async () => {
    const claims: Claims = new Map()
    const mac4 = { symbol: 'esp240a', stream: 'weather_record' }
    expect((await clashes({ claims, board: { ...roof, ...mac4 } })).notices).toEqual([])
    const second = await clashes({ claims, board: { ...shed, ...mac4 } })
    expect(second.notices).toEqual([`symbol-clash ${roof.mac}`])
    // The same board again is no other one.
    expect((await clashes({ claims, board: { ...roof, ...mac4 } })).notices).toEqual([])
  })
})
