import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { Context } from '../../../src/cli/context.js'
import { loadSettings } from '../../../src/cli/settings.js'
import { fromPairs } from '../../../src/cli/station-pairs.js'
import { stationWish, type WishFlags } from '../../../src/cli/station-wish.js'
import type { StationSettings } from '../../../src/station/config.js'
import { testSystem } from '../../support/system.js'

async function wish(
  flags: WishFlags,
  before: StationSettings,
  env: Record<string, string> = {},
): Promise<StationSettings> {
  const system = testSystem({
    env: { WXSTATION_TIMEBASE_URL: 'http://192.168.1.20:8099', ...env },
  })
  const context = { system, settings: await loadSettings(system) } as unknown as Context
  return stationWish(context, flags, before)
}

describe("a station's settings", () => {
  const folder = mkdtempSync(join(tmpdir(), 'wxstation-wish-'))
  const from = join(folder, 'station.json')
  const inFile = { stream: 'file_stream', username: 'file-user', upload_interval: 20 }
  writeFileSync(from, JSON.stringify({ version: 1, ...inFile }))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  const env = { WXSTATION_STREAM: 'env_stream', WXSTATION_TIMEBASE_USER: 'env-user' }
  const board = { stream: 'board_stream', username: 'board-user', upload_interval: 30 }

  it.each<[string, WishFlags, StationSettings, Record<string, string>, StationSettings]>([
    ['defaults', {}, {}, {}, { stream: 'weather_record' }],
    ['the board over defaults', {}, board, {}, board],
    [
      'the environment over the board',
      {},
      board,
      env,
      { stream: 'env_stream', username: 'env-user', upload_interval: 30 },
    ],
    [
      '--from over the environment',
      { from },
      board,
      env,
      { stream: 'file_stream', username: 'file-user', upload_interval: 20 },
    ],
    ['a flag over --from', { from, stream: 'flag_stream' }, board, env, { stream: 'flag_stream' }],
    [
      '--set over all',
      { from, given: fromPairs(['stream=set_stream', 'username=set-user', 'upload_interval=40']) },
      board,
      env,
      { stream: 'set_stream', username: 'set-user', upload_interval: 40 },
    ],
  ])('come from %s', async (_name, flags, before, variables, expected) => {
    expect(await wish(flags, before, variables)).toMatchObject(expected)
  })

  it('never hold a loopback address', async () => {
    const local = { WXSTATION_TIMEBASE_URL: 'http://localhost:8099' }
    expect((await wish({}, {}, local)).timebase_url).toBeUndefined()
    const named = { given: fromPairs(['timebase_url=http://10.0.0.5:8099']) }
    expect((await wish(named, {}, local)).timebase_url).toBe('http://10.0.0.5:8099')
  })

  it('refuse an address without its scheme before any board is touched', async () => {
    await expect(wish({ boardUrl: '192.168.77.1:24176' }, {})).rejects.toMatchObject({
      code: 'SETTINGS_INVALID',
      exitCode: 3,
    })
  })

  it('keep trust without proof only where it is asked for again', async () => {
    expect(await wish({}, { tls: 'insecure' })).toMatchObject({ tls: 'verified' })
    for (const flags of [{ insecure: true } as const, { given: { tls: 'insecure' } }])
      expect(await wish(flags, { tls: 'insecure' })).toMatchObject({ tls: 'insecure' })
  })

  it('end signing by key where a user is given', async () => {
    const keyed = { auth: 'api-key', api_key: 'roof' }
    const variables = { WXSTATION_TIMEBASE_PASSWORD: 'x' }
    expect(await wish({}, keyed, variables)).toMatchObject({ auth: 'api-key' })
    expect(await wish({ user: 'st1' }, keyed, variables)).toMatchObject({
      auth: 'password',
      username: 'st1',
    })
  })
})
