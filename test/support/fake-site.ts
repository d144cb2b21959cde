import type { FetchOptions, FetchResponse, System } from '../../src/system.js'
import { testSystem } from './system.js'

export interface SiteAnswer {
  status?: number
  headers?: Record<string, string>
  body?: Uint8Array | string
  /** The connection breaks after so many bytes. */
  breaksAfter?: number
}

export interface FakeSite {
  system: System
  /** Every request, in order. */
  asked: { url: string; range: string | undefined }[]
}

/** A System whose network is one function, and whose pauses take no time. */
export function fakeSite(
  answer: (url: string, range: string | undefined) => SiteAnswer | undefined,
): FakeSite {
  const asked: FakeSite['asked'] = []
  const system = testSystem()
  const fetch = async (url: string, options: FetchOptions = {}): Promise<FetchResponse> => {
    const range = options.headers?.range
    asked.push({ url, range })
    const {
      status = 200,
      headers = {},
      body = '',
      breaksAfter,
    } = answer(url, range) ?? { status: 404 }
    const bytes = new Uint8Array(Buffer.from(body))
    return {
      status,
      headers: { 'content-length': String(bytes.length), ...headers },
      body: pieces(bytes, breaksAfter),
      text: async () => Buffer.from(bytes).toString(),
      bytes: async () => bytes,
      discard: async () => {},
    }
  }
  const clock = { ...system.clock, sleep: async () => {} }
  return { system: { ...system, fetch, clock }, asked }
}

async function* pieces(bytes: Uint8Array, breaksAfter = Number.POSITIVE_INFINITY) {
  for (let at = 0; at < bytes.length; at += 1000) {
    if (at >= breaksAfter) throw Object.assign(new Error('reset'), { code: 'ECONNRESET' })
    yield bytes.subarray(at, Math.min(at + 1000, breaksAfter))
  }
}
