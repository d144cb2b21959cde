import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { scripted } from '../../support/answers.js'
import { cli, testSystem } from '../../support/system.js'

const env = {
  WXSTATION_TIMEBASE_URL: 'http://timebase:8099',
  WXSTATION_TIMEBASE_API_KEY: 'key',
  WXSTATION_TIMEBASE_API_SECRET: 'secret',
}

it.each([
  ['the usual ones', {}, [], ['weather_record', 'station_status']],
  ['those of --from', { stream: 'garden', status_stream: 'health' }, [], ['garden', 'health']],
  ['that of a flag', { stream: 'garden' }, ['--stream', 'roof'], ['roof', 'station_status']],
  ['that of --set', {}, ['--set', 'stream=shed'], ['shed', 'station_status']],
])(
  'looks at the streams the station will use, before a board is opened: %s',
  async (_what, file, flags, names) => {
    const { fetch, sent } = scripted(() => ({ status: 404, body: '' }))
    const system = testSystem({ env, fetch })
    const from = join(system.cwd, 'station.json')
    writeFileSync(from, JSON.stringify({ version: 1, ...file }))
    const argv = ['provision', '--from', from, ...flags, '--port', 'socket://127.0.0.1:1', '--json']
    const { code, out } = await cli(argv, system)
    expect(code, out).toBe(4)
    expect(sent.map(({ url }) => /v0\/(.+)\/schema/.exec(url)?.[1])).toEqual(names)
  },
)
