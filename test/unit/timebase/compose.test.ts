import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compare } from 'bcryptjs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { Secret } from '../../../src/secret.js'
import { applyCompose, generatePassword, planCompose } from '../../../src/timebase/compose.js'
import { testSystem } from '../../support/system.js'

const settings = { port: 8099, bind: '0.0.0.0', adminUser: 'admin', domain: 'localhost' }
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
    await applyCompose(await planCompose(folder, false, system), settings, new Secret('x'), system)
    const given = [...readFileSync(join(folder, '.env'), 'utf8').matchAll(/^(WX_\w+)='/gm)].map(
      ([, name]) => name,
    )
    const used = [...text.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name)
    expect(new Set(used)).toEqual(new Set(given))
  })
})

it('the connector copies both streams', () => {
  const { replication, timebase } = parse(template('clickhouse-connector.yaml'))
  expect(timebase.url).toBe('dxtick://timebase:8011')
  expect(replication.streams.map(({ stream }: { stream: string }) => stream)).toEqual([
    'weather_record',
    'station_status',
  ])
})

describe('planning and applying', () => {
  it('writes every file once and finds nothing to do after', async () => {
    const system = testSystem()
    const folder = join(system.cwd, 'server')
    const plan = await planCompose(folder, false, system)
    expect(plan.files.map(({ action }) => action)).toEqual(['create', 'create', 'create', 'create'])
    expect(plan.makesLogin).toBe(true)
    await applyCompose(plan, settings, new Secret('first'), system)
    const again = await planCompose(folder, false, system)
    expect(again.files.every(({ action }) => action === 'keep')).toBe(true)
    expect(again.makesLogin).toBe(false)
  })

  it('keeps the login, its hash alone, in a file of its owner', async () => {
    const system = testSystem()
    const folder = join(system.cwd, 'server')
    await applyCompose(
      await planCompose(folder, false, system),
      settings,
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
    await applyCompose(await planCompose(folder, false, system), settings, new Secret('x'), system)
    writeFileSync(join(folder, 'Caddyfile'), 'mine')
    const plan = await planCompose(folder, false, system)
    expect(plan.files.find(({ name }) => name === 'Caddyfile')?.action).toBe('edited')
    await applyCompose(plan, settings, new Secret('x'), system)
    expect(readFileSync(join(folder, 'Caddyfile'), 'utf8')).toBe('mine')
    const forced = await planCompose(folder, true, system)
    await applyCompose(forced, settings, new Secret('x'), system)
    expect(readFileSync(join(folder, 'Caddyfile'), 'utf8')).toBe(template('Caddyfile'))
  })

  it('takes every file for edited when its memory of them is broken', async () => {
    const system = testSystem()
    const folder = join(system.cwd, 'server')
    await applyCompose(await planCompose(folder, false, system), settings, new Secret('x'), system)
    writeFileSync(join(folder, '.wxstation-files.json'), '{')
    writeFileSync(join(folder, 'Caddyfile'), 'older')
    const { files } = await planCompose(folder, false, system)
    expect(files.find(({ name }) => name === 'Caddyfile')?.action).toBe('edited')
  })
})

it('generates passwords of 22 letters and digits, each its own', () => {
  const system = testSystem()
  for (let i = 0; i < 50; i++) expect(generatePassword(system)).toMatch(/^[a-zA-Z2-9]{22}$/)
  expect(generatePassword(system)).not.toBe(generatePassword(system))
})
