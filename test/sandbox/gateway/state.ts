import { expect, onTestFinished } from 'vitest'
import {
  type Gateway,
  type GatewayOptions,
  startGateway,
} from '../../../src/sandbox/gateway/gateway.js'
import type { System } from '../../../src/system.js'
import { temporaryFolder, testSystem } from '../../support/system.js'
import { exchange, tokens } from './wire.js'

/** A gateway that goes away with the test; a password as the real server generates them. */
export async function gateway(
  options: Partial<GatewayOptions> = {},
  system: System = testSystem(),
): Promise<Gateway> {
  const made = await startGateway(
    { folder: temporaryFolder(), password: 'p:;<=>?@Z0123456', ...options },
    system,
  )
  onTestFinished(() => made.stop())
  return made
}

/** Calls as an administrator do, without looking at the wire. */
export async function caller(
  on: Gateway,
): Promise<(method: string, path: string, body?: unknown) => Promise<string>> {
  const { access } = await tokens(on)
  return async (method, path, body) => {
    const { status, body: text } = await exchange(on, {
      method,
      path: `/api/v0/${path}`,
      headers: { Authorization: `Bearer ${access}`, 'Content-Type': 'application/json' },
      body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
    })
    expect(status, `${method} ${path}: ${text?.slice(0, 300)}`).toBe(200)
    return text ?? ''
  }
}

export type Call = Awaited<ReturnType<typeof caller>>

const float32 = { name: 'FLOAT', encoding: 'IEEE32', nullable: true }
const float = (name: string, title: string): object => ({ name, title, type: float32 })

export const weatherSchema = {
  types: [
    {
      name: 'weather_record',
      title: 'Weather record',
      fields: [
        float('temperature', 'Temperature, C'),
        float('humidity', 'Humidity, %'),
        float('pressure', 'Pressure, hPa'),
      ],
    },
  ],
  all: [],
}

export const createWeather = (call: Call, key = 'weather'): Promise<string> =>
  call('POST', `createStream?key=${key}`, weatherSchema)

/** Stream w3: two classes. */
export const createW3 = (call: Call): Promise<string> =>
  call('POST', 'query', {
    query: `CREATE DURABLE STREAM "w3" (
      CLASS "weather_record" ("temperature" FLOAT IEEE32);
      CLASS "status_record" ("battery" INTEGER INT16, "note" VARCHAR, "ok" BOOLEAN))`,
  })

/** Stream all_types: a field of each type; `req` and `last` are NOT NULL, `st` is static. */
export const createAllTypes = (call: Call): Promise<string> =>
  call('POST', 'query', {
    query: `CREATE DURABLE STREAM "all_types" (
      ENUM "en" ("D", "E");
      CLASS "rec" (
        "f32" FLOAT IEEE32, "f64" FLOAT IEEE64, "d64" FLOAT DECIMAL64, "dec2" FLOAT DECIMAL(2),
        "i8" INTEGER INT8, "i32" INTEGER INT32, "i64" INTEGER INT64, "b" BOOLEAN,
        "s" VARCHAR UTF8, "a10" VARCHAR ALPHANUMERIC(10), "c" CHAR, "ts" TIMESTAMP,
        "tod" TIMEOFDAY, "bin" BINARY, "e" "en", "arr" ARRAY(FLOAT),
        "req" FLOAT NOT NULL IEEE32, "last" INTEGER NOT NULL INT32,
        STATIC "st" VARCHAR = 'const'))`,
  })

/** Ten quarters of an hour of two stations; st-2 has no humidity at 10:30. */
export function quarterHours(): object[] {
  return Array.from({ length: 10 }, (_, i) => {
    const timestamp = new Date(Date.UTC(2026, 10, 2, 10) + i * 900_000).toISOString()
    const pressure = 1013.25 - i * 0.25
    const tenth = (n: number): number => Math.round(n * 10) / 10
    return [
      { symbol: 'st-1', timestamp, temperature: tenth(20 + i * 0.3), humidity: 40 + i, pressure },
      {
        symbol: 'st-2',
        timestamp,
        temperature: tenth(21 + i * 0.3),
        ...(i !== 2 && { humidity: 41 + i }),
        pressure,
      },
    ]
  }).flat()
}

/** A message of each symbol, one after the other. */
export const oneEach = (symbols: string[]): object[] =>
  symbols.map((symbol) => ({ symbol, timestamp: '2026-11-02T09:00:00.000Z', temperature: 1 }))
