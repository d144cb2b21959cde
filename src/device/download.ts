import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { errnoOf, WxError } from '../errors.js'
import type { FetchResponse, System } from '../system.js'

export interface DownloadOptions {
  offline: boolean
  signal?: AbortSignal | undefined
}

export interface Download {
  bytes: Uint8Array
  sha256: string
  /** `cache`: it was here; `fetched`: it came over the network now. */
  from: 'cache' | 'fetched'
  /** `pinned`: equals the catalog's hash; `known`: equals what came the first time; `first`: this is the first time. */
  trust: 'pinned' | 'known' | 'first'
}

const mostRedirects = 5
/** A connection that broke is taken up again where it stopped; so often without any progress, it is given up. */
const attempts = 4

export function cacheFolder(system: System): string {
  return join(system.folders.cache, 'firmware')
}

/** Where a URL's content is kept: host and path, so that a mirror's file never stands for a publisher's. */
export function cachePath(url: string, system: System): string {
  const { host, pathname } = new URL(url)
  const parts = [host, ...pathname.split('/')].filter((part) => part !== '')
  return join(cacheFolder(system), ...parts.map((part) => part.replace(/[^A-Za-z0-9._-]/g, '_')))
}

/**
 * A small text from the network, read by `read`, which throws at what it is not; kept for --offline
 * once it was read. Throws NETWORK_UNREACHABLE.
 */
export async function fetchText<T>(
  url: string,
  read: (text: string) => T,
  options: DownloadOptions,
  system: System,
): Promise<T> {
  const path = `${cachePath(url, system)}.text`
  if (options.offline) {
    const kept = await system.files.readText(path)
    if (kept !== undefined) return read(kept)
    throw offlineMissing(url)
  }
  const text = await (await request(url, {}, options, system)).text()
  const value = read(text)
  await system.files.write(path, text)
  return value
}

/**
 * The content of a URL, from the cache or the network, with its hash proven: against `sha256`
 * where the catalog pins it, else against what came the first time. Nothing that was fetched is
 * kept until keepDownload() says that it is what it should be. Throws FIRMWARE_CORRUPT,
 * NETWORK_UNREACHABLE.
 */
export async function download(
  part: { url: string; size?: number; sha256?: string },
  options: DownloadOptions,
  system: System,
  onProgress: (done: number, total: number) => void,
): Promise<Download> {
  const { files } = system
  const path = cachePath(part.url, system)
  const remembered = (await files.readText(`${path}.sha256`))?.trim()
  const expected = part.sha256 ?? remembered
  const kept = await files.read(path)
  if (kept) {
    const sha256 = hashOf(kept)
    if (expected === undefined || sha256 === expected) {
      return { bytes: kept, sha256, from: 'cache', trust: part.sha256 ? 'pinned' : 'known' }
    }
    // The cache is damaged or was changed: the network decides.
    await files.remove(path)
  }
  if (options.offline) throw offlineMissing(part.url)
  const bytes = await fetchWhole(part, path, options, system, onProgress)
  const sha256 = hashOf(bytes)
  if (expected !== undefined && sha256 !== expected) {
    throw new WxError('FIRMWARE_CORRUPT', `${part.url} is not the file it should be.`, {
      hint: part.sha256
        ? 'Its SHA-256 differs from the one that is known: do not flash it; try another network or a mirror.'
        : 'It has changed since it was first fetched; if that is right, run `wxstation firmware clean`.',
      details: { url: part.url, expected, actual: sha256 },
    })
  }
  return {
    bytes,
    sha256,
    from: 'fetched',
    trust: part.sha256 ? 'pinned' : remembered ? 'known' : 'first',
  }
}

/** Puts what was fetched into the cache and trusts its hash from now on. */
export async function keepDownload(url: string, got: Download, system: System): Promise<void> {
  if (got.from === 'cache') return
  const path = cachePath(url, system)
  await system.files.write(path, got.bytes)
  await system.files.write(`${path}.sha256`, `${got.sha256}\n`)
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Collects the content in a file beside the cache's, so that a broken or stopped download goes on. */
async function fetchWhole(
  part: { url: string; size?: number },
  path: string,
  options: DownloadOptions,
  system: System,
  onProgress: (done: number, total: number) => void,
): Promise<Uint8Array> {
  const partial = `${path}.part`
  for (let failures = 0; ; ) {
    const had = (await system.files.read(partial)) ?? new Uint8Array(0)
    const headers = had.length > 0 ? { range: `bytes=${had.length}-` } : {}
    let chunks: Uint8Array[] = []
    let size = 0
    try {
      const response = await request(part.url, headers, options, system, [200, 206, 416])
      if (response.status === 416) {
        // What we have is not a beginning of what is there.
        await response.discard()
        await system.files.remove(partial)
        if (++failures >= attempts) throw unreachable(part.url, 'it refuses its own size')
        continue
      }
      const isRest = response.status === 206
      if (isRest) chunks = [had]
      size = isRest ? had.length : 0
      const length = Number(response.headers['content-length'] ?? Number.NaN)
      const total = Number.isNaN(length) ? (part.size ?? 0) : size + length
      for await (const chunk of response.body) {
        chunks.push(chunk)
        size += chunk.length
        onProgress(size, total)
      }
      if (!Number.isNaN(length) && size < total) throw unreachable(part.url, 'it broke off')
      await system.files.remove(partial)
      return joined(chunks, size)
    } catch (error) {
      if (size > had.length) {
        await system.files.write(partial, joined(chunks, size))
        failures = 0
      } else failures++
      if (options.signal?.aborted) throw options.signal.reason
      if (failures >= attempts || isRefusal(error)) throw asUnreachable(part.url, error)
      await system.clock.sleep(500 * 2 ** failures, options.signal)
    }
  }
}

/** A server that answered and said no will say no again. */
function isRefusal(error: unknown): boolean {
  return error instanceof WxError && error.details.status !== undefined
}

async function request(
  url: string,
  headers: Record<string, string>,
  { signal }: DownloadOptions,
  system: System,
  accepted = [200],
): Promise<FetchResponse> {
  let address = url
  for (let hop = 0; hop <= mostRedirects; hop++) {
    let response: FetchResponse
    try {
      response = await system.fetch(address, { headers, ...(signal && { signal }) })
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      throw asUnreachable(url, error)
    }
    const { location } = response.headers
    if (response.status >= 300 && response.status < 400 && location) {
      await response.discard()
      address = new URL(location, address).href
      continue
    }
    if (accepted.includes(response.status)) return response
    await response.discard()
    const { status } = response
    if (status === 404 || status === 410) {
      throw new WxError('FIRMWARE_UNKNOWN', `There is no ${url}.`, { details: { url, status } })
    }
    throw unreachable(url, `it answers ${status}`, { status })
  }
  throw unreachable(url, 'it leads in a circle', { status: 310 })
}

function asUnreachable(url: string, error: unknown): WxError {
  if (error instanceof WxError) return error
  return unreachable(url, errnoOf(error) ?? 'it does not answer', {}, error)
}

function unreachable(
  url: string,
  why: string,
  details: Record<string, unknown> = {},
  cause?: unknown,
): WxError {
  return new WxError('NETWORK_UNREACHABLE', `${url} cannot be fetched: ${why}.`, {
    cause,
    hint: 'Check the network and its proxy (HTTPS_PROXY), use --offline for what was fetched before, or name a mirror (firmware.mirror).',
    details: { url, ...details },
  })
}

function offlineMissing(url: string): WxError {
  return new WxError(
    'FIRMWARE_UNKNOWN',
    `${url} is not in the cache, and --offline forbids to fetch it.`,
    {
      hint: 'Run `wxstation firmware fetch` once with a network, or give an image file.',
      details: { url },
    },
  )
}

function joined(chunks: Uint8Array[], size: number): Uint8Array {
  const all = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    all.set(chunk, at)
    at += chunk.length
  }
  return all
}
