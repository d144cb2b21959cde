import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { GatewayVersion } from '../../../src/sandbox/gateway/versions.js'
import { computer, gatewayEnv, testGateway } from '../../support/gateway.js'
import { cli, type TestSystemOptions } from '../../support/system.js'

const versions: GatewayVersion[] = ['0.5', '1.0', '1.1']

async function bench(version: GatewayVersion, faults = {}) {
  const users = [
    { username: 'admin', password: 'a', authorities: ['TB_ALLOW_READ', 'TB_ALLOW_WRITE'] as const },
    { username: 'reader', password: 'r', authorities: ['TB_ALLOW_READ'] as const },
  ].map((user) => ({ ...user, authorities: [...user.authorities] }))
  const apiKeys = [{ name: 'k', key: 'secret', user: 'admin' }]
  const gateway = await testGateway({ version, users, apiKeys, faults })
  const here = computer(gatewayEnv(gateway))
  const reader = computer({
    ...gatewayEnv(gateway),
    WXSTATION_TIMEBASE_USER: 'reader',
    WXSTATION_TIMEBASE_PASSWORD: 'r',
  })
  const keyHolder = computer({
    WXSTATION_TIMEBASE_URL: gateway.url,
    WXSTATION_TIMEBASE_API_KEY: 'k',
    WXSTATION_TIMEBASE_API_SECRET: 'secret',
  })
  return {
    byKey: (argv: string[]) => cli(argv, keyHolder()),
    folder: here().cwd,
    run: (argv: string[], options?: TestSystemOptions) => cli(argv, here(options)),
    read: (argv: string[]) => cli(argv, reader()),
  }
}

describe.each(versions)('WebAdmin %s', (version) => {
  it('says what it is, and what is not told is not made up', async () => {
    const { run, read } = await bench(version)
    const status = JSON.parse((await run(['timebase', 'status', '--json'])).out)
    expect(status).toMatchObject({ connected: true, rights: { read: true } })
    expect(status.gateway).toContain(version)
    expect(status.rights.write).toBe(version === '0.5' ? undefined : true)
    const { code, out } = await read(['whoami'])
    expect(code).toBe(0)
    expect(out).toContain(version === '0.5' ? 'may read' : 'may read, not write')
  })

  it('says that TimeBase behind it is down', async () => {
    const { run } = await bench(version, { timebaseDown: true })
    const { code, out, err } = await run(['timebase', 'status'])
    expect(code).toBe(9)
    // 0.5 tells it by the exception's words alone, and only to those who ask for data.
    if (version === '0.5') expect(err).toContain('Cannot open timebase')
    else expect(out).toMatch(/TimeBase .* not connected/)
  })

  it('gets its streams, records, and shows them', async () => {
    const { run, folder } = await bench(version)
    const created = await run(['stream', 'create'])
    expect(created.out.match(/created/g), created.err).toHaveLength(2)
    expect((await run(['stream', 'create'])).out.match(/identical/g)).toHaveLength(2)
    const rows = [1, 2, 3].map((n) => `2026-11-01T00:00:0${n}.000Z,esp1,2${n}.5`)
    writeFileSync(join(folder, 'in.csv'), `timestamp,symbol,temperature\n${rows.join('\n')}\n`)
    expect((await run(['stream', 'import', 'in.csv'])).err).toContain('Imported 3 records')
    const tail = await run(['tail', '--since', '2026-11-01', '--no-follow', '--quiet'])
    expect(tail.out.trim().split('\n')).toHaveLength(3)
    expect(JSON.parse(tail.out.split('\n')[2] ?? '')).toMatchObject({ temperature: 23.5 })
    expect((await run(['stream', 'list'])).out).toMatch(/weather_record +1 +2026-11-01/)
  })

  it.each([
    ['a stream that is not there', ['stream', 'describe', 'nosuch'], 'stream-unknown'],
    ['a tail of it', ['tail', '--stream', 'nosuch', '--no-follow'], 'stream-unknown'],
    ['an export of it', ['stream', 'export', 'nosuch'], 'stream-unknown'],
  ])('says that there is no such stream to %s', async (_what, argv, code) => {
    const { run } = await bench(version)
    const ran = await run(argv)
    expect(ran.err).toContain(`[${code}, exit 9]`)
    expect(ran.code).toBe(9)
  })

  it('signs in with an API key where there are any', async () => {
    const { byKey } = await bench(version)
    const { code, out, err } = await byKey(['whoami'])
    if (version !== '0.5') expect(out).toContain('may read')
    else {
      expect(code).toBe(9)
      expect(err).toContain('Check the name of the API key')
    }
  })

  it('says that a reader may not create', async () => {
    const { read } = await bench(version)
    const { code, err } = await read(['stream', 'create'])
    expect(code).toBe(9)
    expect(err).toContain('[access-denied, exit 9]')
  })
})
