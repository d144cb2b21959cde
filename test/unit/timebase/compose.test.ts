import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compare } from 'bcryptjs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { Secret } from '../../../src/secret.js'
import {
  applyCompose,
  generatePassword,
  planCompose,
  serverAddress,
} from '../../../src/timebase/compose.js'
import { weatherSchema } from '../../../src/timebase/schema.js'
import { testSystem } from '../../support/system.js'

const template = (name: string): string =>
  readFileSync(new URL(`../../../templates/compose/${name}`, import.meta.url), 'utf8')

/** The part of the compose specification that our file uses; an unknown key fails. */
const duration = z.string().regex(/^\d+(ms|s|m|h)$/)
const size = z.string().regex(/^\d+(\.\d+)?[bkmg]$/)
const service = z.strictObject({
  image: z.string().regex(/^[a-z0-9/.-]+:[a-z0-9.]+$/),
  restart: z.enum(['no', 'always', 'on-failure', 'unless-stopped']),
  profiles: z.array(z.string()).optional(),
  environment: z.record(z.string(), z.string()).optional(),
  volumes: z.array(z.string().regex(/^(\.\/[\w.-]+|[\w-]+):\/[\w/.-]+(:ro)?$/)).optional(),
  ports: z.array(z.string()).optional(),
  stop_grace_period: duration.optional(),
  ulimits: z
    .strictObject({ nofile: z.strictObject({ soft: z.number(), hard: z.number() }) })
    .optional(),
  mem_limit: size,
  depends_on: z
    .record(
      z.string(),
      z.strictObject({ condition: z.enum(['service_started', 'service_healthy']) }),
    )
    .optional(),
  healthcheck: z
    .strictObject({
      test: z.tuple([z.literal('CMD-SHELL'), z.string()]),
      interval: duration,
      timeout: duration,
      start_period: duration,
      retries: z.number().int(),
    })
    .optional(),
})
const composeSchema = z.strictObject({
  name: z.string(),
  services: z.record(z.string(), service),
  volumes: z.record(z.string(), z.null()),
})

describe('compose.yaml', () => {
  const text = template('compose.yaml')
  const compose = composeSchema.parse(parse(text))
  const services = Object.entries(compose.services)

  it('names services and volumes that exist', () => {
    for (const [, { depends_on = {}, volumes = [] }] of services) {
      for (const [name, { condition }] of Object.entries(depends_on)) {
        expect(compose.services[name]).toBeDefined()
        if (condition === 'service_healthy')
          expect(compose.services[name]?.healthcheck).toBeDefined()
      }
      for (const volume of volumes.filter((one) => !one.startsWith('.'))) {
        expect(Object.keys(compose.volumes)).toContain(volume.split(':')[0])
      }
    }
  })

  it('fits a machine with 2 GB without a profile', () => {
    const megabytes = services
      .filter(([, { profiles }]) => profiles === undefined)
      .map(
        ([, { mem_limit }]) =>
          Number(mem_limit.slice(0, -1)) * (mem_limit.endsWith('g') ? 1024 : 1),
      )
    expect(megabytes.length).toBe(2)
    expect(megabytes.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(1700)
  })

  it('says above each image, limit and ulimit what it is for', () => {
    const lines = text.split('\n')
    for (const [i, line] of lines.entries()) {
      if (/^ +(image|mem_limit|nofile):/.test(line)) expect(lines[i - 1], line).toMatch(/^ +#/)
    }
  })

  it('takes from .env what applyCompose writes there, and nothing else', async () => {
    const system = testSystem()
    const folder = join(system.cwd, 'server')
    await applyCompose(await planCompose(folder, {}, false, system), new Secret('x'), system)
    const given = [...readFileSync(join(folder, '.env'), 'utf8').matchAll(/^(WX_\w+)='/gm)].map(
      ([, name]) => name,
    )
    const used = [...text.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name)
    expect(new Set(used)).toEqual(new Set(given))
  })
})

describe('the copy into ClickHouse', () => {
  const { services } = parse(template('compose.yaml'))
  const variable = (text: string): string => /^\$\{(\w+)\}$/.exec(text)?.[1] ?? ''

  it('takes the names of both streams from .env', () => {
    const { replication, timebase } = parse(template('clickhouse-connector.yaml'))
    expect(timebase.url).toBe('dxtick://timebase:8011')
    const given = services['clickhouse-connector'].environment
    const names = replication.streams.map(({ stream, key, table }: Record<string, string>) => {
      expect([key, table]).toEqual([stream, stream])
      return given[variable(stream as string)]
    })
    expect(names.map(variable)).toEqual(['WX_STREAM', 'WX_STATUS_STREAM'])
  })

  it('shows its first rows as the user that the container has, without a terminal', () => {
    const command = /docker compose exec (.*) < first-rows\.sql/.exec(template('first-rows.sql'))
    expect(command?.[1]).toMatch(/^-T clickhouse sh -c '/)
    const used = [...(command?.[1] ?? '').matchAll(/"\$(\w+)"/g)].map(([, name]) => name)
    expect(used).toHaveLength(4)
    for (const name of used) expect(Object.keys(services.clickhouse.environment)).toContain(name)
    expect(template('first-rows.sql')).toContain('{table:Identifier}')
    expect(command?.[1]).toContain('--param_table=')
  })

  it('shows columns that are there: ClickHouse tells capitals from small letters', () => {
    // SchemaProcessor of the connector 1.1 with columnNamingScheme NAME.
    const own = ['partition', 'timestamp', 'instrument', 'type']
    const fields = weatherSchema.classes.flatMap((one) => one.fields.map(({ name }) => name))
    const query = template('first-rows.sql').replaceAll(/^--.*$/gm, '')
    const [, columns = '', order = ''] =
      /SELECT (.*)\nFROM .*\nORDER BY (\w+) DESC/.exec(query) ?? []
    const names = columns.split(', ').map((column) => column.replace(/ AS \w+$/, ''))
    expect(names).toHaveLength(6)
    for (const name of [...names, order]) expect([...own, ...fields]).toContain(name)
  })
})

describe('planning and applying', () => {
  it('writes every file once and finds nothing to do after', async () => {
    const system = testSystem()
    const folder = join(system.cwd, 'server')
    const plan = await planCompose(folder, {}, false, system)
    expect(plan.files.map(({ action }) => action)).toEqual(['create', 'create', 'create', 'create'])
    expect(plan.makesLogin).toBe(true)
    await applyCompose(plan, new Secret('first'), system)
    const again = await planCompose(folder, {}, false, system)
    expect(again.files.every(({ action }) => action === 'keep')).toBe(true)
    expect(again.makesLogin).toBe(false)
  })

  it('keeps the login, its hash alone, in a file of its owner', async () => {
    const system = testSystem()
    const folder = join(system.cwd, 'server')
    await applyCompose(
      await planCompose(folder, {}, false, system),
      new Secret('pass-word'),
      system,
    )
    const env = readFileSync(join(folder, '.env'), 'utf8')
    expect(env).not.toContain('pass-word')
    const hash = /WX_ADMIN_HASH='(\$2[aby]\$.+)'/.exec(env)?.[1] ?? ''
    expect(await compare('pass-word', hash)).toBe(true)
    if (process.platform !== 'win32')
      expect(statSync(join(folder, '.env')).mode & 0o777).toBe(0o600)
  })

  it('never overwrites an edited file without --force, and updates an old one of ours', async () => {
    const system = testSystem()
    const folder = join(system.cwd, 'server')
    await applyCompose(await planCompose(folder, {}, false, system), new Secret('x'), system)
    writeFileSync(join(folder, 'Caddyfile'), 'mine')
    const plan = await planCompose(folder, {}, false, system)
    expect(plan.files.find(({ name }) => name === 'Caddyfile')?.action).toBe('edited')
    await applyCompose(plan, new Secret('x'), system)
    expect(readFileSync(join(folder, 'Caddyfile'), 'utf8')).toBe('mine')
    const forced = await planCompose(folder, {}, true, system)
    await applyCompose(forced, new Secret('x'), system)
    expect(readFileSync(join(folder, 'Caddyfile'), 'utf8')).toBe(template('Caddyfile'))
  })

  it('takes every file for edited when its memory of them is broken', async () => {
    const system = testSystem()
    const folder = join(system.cwd, 'server')
    await applyCompose(await planCompose(folder, {}, false, system), new Secret('x'), system)
    writeFileSync(join(folder, '.wxstation-files.json'), '{')
    writeFileSync(join(folder, 'Caddyfile'), 'older')
    const { files } = await planCompose(folder, {}, false, system)
    expect(files.find(({ name }) => name === 'Caddyfile')?.action).toBe('edited')
  })
})

describe('the values in .env', () => {
  const written = async (text: string | undefined, given: object) => {
    const system = testSystem()
    const folder = join(system.cwd, 'server')
    await system.files.makeFolder(folder)
    if (text !== undefined) writeFileSync(join(folder, '.env'), text)
    const plan = await planCompose(folder, given, false, system)
    await applyCompose(plan, new Secret('x'), system)
    return { plan, env: readFileSync(join(folder, '.env'), 'utf8') }
  }
  const old =
    "# mine\nTZ=UTC\nWX_PORT='9000'\nWX_BIND=\"127.0.0.1\" # here\nWX_ADMIN_HASH='$2b$10$kept'\n"

  it('stay where no flag says otherwise', async () => {
    const { plan, env } = await written(old, {})
    expect(plan.settings).toMatchObject({ port: 9000, bind: '127.0.0.1', adminUser: 'admin' })
    expect(plan.makesLogin).toBe(false)
    expect(env).toContain(old.slice(0, old.indexOf('WX_BIND')))
    expect(env).toContain("WX_ADMIN_HASH='$2b$10$kept'\n")
  })

  it('keep what is started beside, and what somebody added to it', async () => {
    const first = await written("COMPOSE_PROFILES='mine'\n", { profiles: ['https'] })
    expect(first.env).toContain("COMPOSE_PROFILES='mine,https'\n")
    const { plan } = await written(first.env, { profiles: ['https', 'clickhouse'] })
    expect(plan.settings.profiles).toEqual(['mine', 'https', 'clickhouse'])
    expect((await written(first.env, {})).plan.settings.profiles).toEqual(['mine', 'https'])
  })

  it('follow flags, and nothing else changes', async () => {
    const first = await written(old, {})
    const { plan, env } = await written(first.env, { port: 8100, adminUser: 'roof' })
    expect(plan.changes.sort()).toEqual(['WX_ADMIN_USER', 'WX_PORT'])
    const differs = (line: string, i: number): boolean => first.env.split('\n')[i] !== line
    expect(env.split('\n').filter(differs)).toEqual(["WX_PORT='8100'", "WX_ADMIN_USER='roof'"])
  })

  it('get a password where the hash was removed', async () => {
    const { plan, env } = await written("WX_PORT='9000'\n", {})
    expect(plan.makesLogin).toBe(true)
    expect(env).toMatch(/^WX_ADMIN_HASH='\$2/m)
  })

  it.each([
    [{}, 'http://localhost:8099'],
    [{ port: 9000 }, 'http://localhost:9000'],
    [{ bind: '192.168.1.5' }, 'http://192.168.1.5:8099'],
    [{ bind: '::1' }, 'http://[::1]:8099'],
    [{ bind: '::' }, 'http://localhost:8099'],
  ])('%j is reached at %s', async (given, address) => {
    expect(serverAddress((await written(undefined, given)).plan.settings)).toBe(address)
  })
})

it('generates passwords of 22 letters and digits, each its own', () => {
  const system = testSystem()
  for (let i = 0; i < 50; i++) expect(generatePassword(system)).toMatch(/^[a-zA-Z2-9]{22}$/)
  expect(generatePassword(system)).not.toBe(generatePassword(system))
})
