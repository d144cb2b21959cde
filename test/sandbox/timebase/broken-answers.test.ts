import { describe, expect, it } from 'vitest'
import { WxError } from '../../../src/errors.js'
import { Secret } from '../../../src/secret.js'
import type { System } from '../../../src/system.js'
import { passwordAuth } from '../../../src/timebase/auth/password.js'
import { readAuthInfo } from '../../../src/timebase/auth/provider.js'
import { makeClient, type TimebaseClient } from '../../../src/timebase/client.js'
import { Outage } from '../../../src/timebase/outage.js'
import { readForward } from '../../../src/timebase/pages.js'
import { weatherSchema } from '../../../src/timebase/schema.js'
import { readRights, serverVersion } from '../../../src/timebase/status.js'
import {
  applyStreams,
  describeStream,
  listStreams,
  listSymbols,
  planStreams,
  streamRange,
  streamSchema,
} from '../../../src/timebase/stream.js'
import { applyTrim } from '../../../src/timebase/trim.js'
import { writeRecords } from '../../../src/timebase/write.js'
import { breaking, breaks } from '../../support/broken-answers.js'
import type { FakeClock } from '../../support/clock.js'
import {
  follow,
  stream,
  type VirtualGateway,
  virtualGateway,
} from '../../support/virtual-gateway.js'

const second = 1000

interface Side {
  client: TimebaseClient
  clock: FakeClock
  system: Pick<System, 'fetch' | 'clock'>
}

interface Exchange {
  /** Part of its `METHOD /path`. */
  what: string
  act(side: Side): Promise<unknown>
}

let made = 0

/** Every exchange with WebAdmin that a command has. */
const exchanges: { [name: string]: Exchange } = {
  'the login': { what: 'POST /oauth/token', act: ({ client }) => listStreams(client) },
  'the sign-in settings': {
    what: '/authInfo',
    act: ({ client, system }) => readAuthInfo(client.url, system),
  },
  'the version': { what: '/api/v0/v', act: ({ client, clock }) => serverVersion(client, clock) },
  'the rights': { what: '/writable', act: ({ client }) => readRights(client) },
  'the list of streams': { what: 'GET /api/v0/streams', act: ({ client }) => listStreams(client) },
  'a schema': { what: '/schema', act: ({ client }) => streamSchema(client, stream) },
  'a description': { what: '/describe', act: ({ client }) => describeStream(client, stream) },
  'the list of symbols': { what: '/symbols', act: ({ client }) => listSymbols(client, stream) },
  'a range': { what: '/range', act: ({ client }) => streamRange(client, stream) },
  'a page of records': {
    what: '/select',
    async act({ client, clock }) {
      const found: unknown[] = []
      for await (const { records } of readForward(client, stream, {}, new Outage(clock)))
        found.push(...records)
      return found
    },
  },
  'the making of a stream': {
    what: '/createStream',
    async act({ client }) {
      const wanted = { stream: `made_${++made}`, schema: weatherSchema }
      await applyStreams(client, await planStreams(client, [wanted]))
      return 'made'
    },
  },
  'a write': {
    what: '/write',
    act({ client, clock }) {
      const timestamp = new Date(clock.now()).toISOString()
      const fields = { temperature: 1 }
      const record = { symbol: 'z', timestamp, type: 'weather_record', fields }
      return writeRecords(client, stream, [record])
    },
  },
  'a purge': {
    what: '/purge',
    async act({ client, clock }) {
      const plan = { stream, before: 0, records: 0, symbols: [], first: undefined }
      return (await applyTrim(client, plan, { clock })).done
    },
  },
}

/** What each fault is called where it ends the exchange. */
const codes: { [fault: string]: string[] } = {
  'a cut before its head': ['NO_ANSWER'],
  'a cut in its body': ['NO_ANSWER'],
  'a stall before its head': ['NO_ANSWER'],
  'a stall in its body': ['NO_ANSWER'],
  garbage: ['ANSWER_INVALID'],
  'a web page': ['NOT_WEBADMIN'],
  'a web page that calls itself JSON': ['NOT_WEBADMIN'],
  'a proxy’s page of status 503': ['NETWORK_UNREACHABLE'],
  'an ApiError of status 500': ['TIMEBASE_REFUSED'],
  // Half of `true` is no JSON at all.
  'half of its JSON, well ended': ['ANSWER_INCOMPLETE', 'ANSWER_INVALID'],
  'another content type': [],
  'a body without end': ['ANSWER_INVALID'],
}
/** Where the exchange ends well all the same. */
const mild: { [name: string]: (fault: string) => boolean } = {
  // What is there afterwards decides, whatever was answered.
  'the making of a stream': () => true,
  // Its answer is empty, and so is half of it.
  'a purge': (fault) => fault.startsWith('half'),
  // A version that does not know the question leaves it open.
  'the rights': (fault) => fault.includes('web page') || fault.includes('500'),
}

interface Outcome {
  value?: unknown
  code?: string
}

/** Lets virtual time pass until it is over, ten minutes at most. */
async function outcome(work: Promise<unknown>, clock: FakeClock): Promise<Outcome> {
  let found: Outcome | undefined
  work.then(
    (value) => {
      found = { value }
    },
    (error: unknown) => {
      found = { code: error instanceof WxError ? error.code : String(error) }
    },
  )
  for (let i = 0; i < 600 && !found; i++) await clock.advance(second)
  return found ?? { code: 'hangs' }
}

function sideOf({ gateway, clock }: VirtualGateway, fetch: System['fetch']): Side {
  const system = { fetch, clock }
  const { url, user } = gateway
  const auth = passwordAuth({ url, user, password: new Secret('pw') }, system)
  return { client: makeClient({ url, auth }, system), clock, system }
}

describe.each(Object.keys(exchanges))('in %s', (name) => {
  const { what, act } = exchanges[name] as Exchange

  it('every broken answer has its name, and a strange label is no fault', async () => {
    const server = await virtualGateway()
    const { clock, network } = server
    await server.write([1, 2, 3].map((ms) => ({ symbol: 'a', ms: clock.now() + ms })))
    const sound = await outcome(act(sideOf(server, network.fetch)), clock)
    expect(sound.code).toBeUndefined()
    for (const [fault, how] of Object.entries(breaks)) {
      const broken = breaking({ fetch: network.fetch, clock }, { what, how })
      const { code, value } = await outcome(act(sideOf(server, broken.fetch)), clock)
      expect(broken.broken(), fault).toBeGreaterThan(0)
      // What may have been stored is never sent twice.
      if (name === 'a write') expect(broken.broken(), fault).toBe(1)
      const isMild = fault === 'another content type' || mild[name]?.(fault)
      if (!isMild) expect(codes[fault], fault).toContain(code)
      else if (name === 'the rights') expect(code, fault).toBeUndefined()
      else expect({ fault, code, value }).toEqual({ fault, ...sound })
    }
  })
})

describe.each([
  ['its pages', '/select'],
  ['its symbols', '/symbols'],
  ['the renewal of its login', '/oauth/token'],
])('a tail that meets in %s', (_name, what) => {
  it.each(Object.keys(breaks))('%s shows every record once', async (fault) => {
    const server = await virtualGateway()
    const { clock, network } = server
    const how = breaks[fault] as (typeof breaks)[string]
    let isOn = false
    const broken = breaking({ fetch: network.fetch, clock }, { what, how, isOn: () => isOn })
    await server.write([{ symbol: 'a', ms: clock.now() }])
    const tailing = follow(server, { sinceMs: clock.now() }, sideOf(server, broken.fetch).client)
    await clock.advance(5 * second)
    isOn = true
    // A token lasts five minutes; everything else is asked for at once.
    for (let step = 0; step < 7; step++) {
      await clock.advance((what === '/oauth/token' ? 45 : 8) * second)
      await server.write([
        { symbol: 'a', ms: clock.now() },
        { symbol: `new-${step}`, ms: clock.now() },
      ])
    }
    isOn = false
    await clock.advance(90 * second)
    await tailing.stop()
    expect(String(tailing.failure())).toBe('Error: test is over')
    expect([...tailing.shown()].sort()).toEqual([...server.written].sort())
    expect(broken.broken()).toBeGreaterThan(0)
    const isHarmless = fault === 'another content type'
    expect(tailing.count('lost') > 0).toBe(!isHarmless)
    expect(tailing.count('back')).toBe(tailing.count('lost'))
  })
})
