import { readFileSync } from 'node:fs'
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { expect } from 'vitest'
import type { Gateway } from '../../../src/sandbox/gateway/gateway.js'

export interface Answer {
  status: number
  headers: Record<string, string>
  body: string | null
}

export interface Entry {
  name: string
  request: { method: string; path: string; headers: Record<string, string>; body: string | null }
  response: Answer
  note?: string
}

/** The recorded exchanges of one file; `test/contract/wire` says how they were made. */
export function recorded<T = Entry>(file: string): T[] {
  const text = readFileSync(new URL(`../../contract/wire/${file}.jsonl`, import.meta.url), 'utf8')
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T)
}

/** One request without any help from a client library. */
export function exchange(
  gateway: Gateway,
  { method, path, headers, body }: Entry['request'],
): Promise<Answer & { bytes: Buffer; raw: IncomingHttpHeaders }> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      `${gateway.url}${path}`,
      {
        method,
        // A connection of its own: none that an earlier answer or a restart closed.
        agent: false,
        headers: {
          ...headers,
          ...(body !== null && { 'Content-Length': String(Buffer.byteLength(body)) }),
        },
      },
      async (incoming) => {
        const chunks: Buffer[] = []
        try {
          for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk)
        } catch (error) {
          reject(error)
          return
        }
        const bytes = Buffer.concat(chunks)
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers as Record<string, string>,
          raw: incoming.headers,
          body: bytes.toString(),
          bytes,
        })
      },
    )
    outgoing.on('error', reject)
    outgoing.end(body ?? undefined)
  })
}

/** A token of a user, by password. */
export async function tokens(
  gateway: Gateway,
  username = 'admin',
): Promise<{ access: string; refresh: string }> {
  const user = gateway.users.find((one) => one.username === username)
  const form = new URLSearchParams({
    grant_type: 'password',
    username,
    password: user?.password ?? '',
    client_id: 'web',
    client_secret: 'secret',
  })
  const { body } = await exchange(gateway, {
    method: 'POST',
    path: '/oauth/token',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    body: form.toString(),
  })
  const { access_token, refresh_token } = JSON.parse(body ?? '{}')
  return { access: access_token, refresh: refresh_token }
}

/** Fills placeholders of a recorded text in. */
export function filled(text: string, values: Record<string, string>): string {
  return text.replace(/<(\w+)>/g, (all, name: string) => values[name] ?? all)
}

/** Recorded and own answers with what changes from run to run taken out. */
export function normalized(body: string | null): unknown {
  const text = (body ?? '')
    .replace(/loader [\w.$]+ @[0-9a-f]+/g, 'loader <loader>')
    .replace(/"QUERY-?\d+"/g, '"QUERY<number>"')
    .replace(/(access_token|refresh_token|jti)":"[^"]*"/g, '$1":"<$1>"')
    .replace(/<div id='created'>[^<]*</, "<div id='created'><")
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'number' && value > 1e12) return '<now>'
    return steady(value)
  } catch {
    return text
  }
}

function steady(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(steady)
  if (typeof value !== 'object' || value === null) return value
  const result: Record<string, unknown> = {}
  for (const [name, member] of Object.entries(value)) result[name] = steady(member)
  // Server times: error pages, DDL rows, versions.
  if ('status' in result || 'errorType' in result || 'authentication' in result) {
    if (result.timestamp !== undefined) result.timestamp = '<now>'
  }
  if (Array.isArray(result.stackTrace)) result.stackTrace = shortTrace(result.stackTrace)
  if (typeof result.stacktrace === 'string') {
    result.stacktrace = result.stacktrace.split('\n').slice(0, 2).join('\n')
  }
  return result
}

/** First frame, and whether the rest is as long as a real one (90 to 115 frames). */
function shortTrace(trace: unknown[]): unknown {
  if (trace.length === 0) return []
  const counted = /^<(\d+) more>$/.exec(String(trace[1]))?.[1]
  const more = counted === undefined ? trace.length - 1 : Number(counted)
  return [trace[0], more >= 90 && more <= 115 ? '<90 to 115 more>' : `<${more} more>`]
}

/** Compares status, the recorded headers, the absence of a Content-Type and the body. */
export function expectSame(own: Answer, wanted: Answer, sort = false): void {
  const lower = Object.fromEntries(
    Object.entries(wanted.headers).map(([name, value]) => [name.toLowerCase(), value]),
  )
  const picked = Object.fromEntries(
    [...Object.keys(lower), 'content-type', 'connection'].map((name) => [name, own.headers[name]]),
  )
  expect({ status: own.status, headers: picked, body: ordered(own.body, sort) }).toEqual({
    status: wanted.status,
    headers: { 'content-type': undefined, connection: undefined, ...lower },
    body: ordered(wanted.body, sort),
  })
}

function ordered(body: string | null, sort: boolean): unknown {
  const value = normalized(body)
  if (!sort || !Array.isArray(value)) return value
  return [...value].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
}
