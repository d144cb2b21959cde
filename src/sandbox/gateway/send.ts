import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { createGzip, gzipSync } from 'node:zlib'
import type { Reply } from './reply.js'

// server.compression: JSON of more than 2 KB (timebase-webadmin, 4.1).
const gzipAbove = 2048

/** Headers Spring Security puts on everything. */
const always = {
  'X-Content-Type-Options': 'nosniff',
  'X-XSS-Protection': '1; mode=block',
}

/** After these the server closes the connection; 401, 403 and 404 keep it. */
const closes = (status: number): boolean => status === 400 || status >= 500

export function headersOf(request: IncomingMessage, reply: Reply): Record<string, string> {
  const crossOrigin =
    request.headers.origin !== undefined && reply.status === 200 && request.url?.startsWith('/api/')
  return {
    ...always,
    ...(crossOrigin && { 'Access-Control-Allow-Origin': '*' }),
    ...reply.headers,
    ...(closes(reply.status) && { Connection: 'close' }),
  }
}

/** Puts an answer on the wire, chunked and perhaps compressed, at the reader's speed. */
export async function send(
  request: IncomingMessage,
  response: ServerResponse,
  reply: Reply,
): Promise<void> {
  const headers = headersOf(request, reply)
  const { body } = reply
  if (body === undefined || reply.withLength) {
    const bytes = typeof body === 'string' ? Buffer.from(body) : Buffer.alloc(0)
    head(response, reply.status, { ...headers, 'Content-Length': String(bytes.length) })
    response.end(bytes)
    return
  }
  const isJson = /json/.test(reply.headers['Content-Type'] ?? '')
  const wantsGzip = isJson && /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''))
  const zipped = { ...headers, 'Content-Encoding': 'gzip', Vary: 'accept-encoding' }
  if (typeof body === 'string' || body instanceof Uint8Array) {
    const bytes = Buffer.from(body)
    const isZipped = wantsGzip && bytes.length > gzipAbove
    head(response, reply.status, isZipped ? zipped : headers)
    response.write(isZipped ? gzipSync(bytes) : bytes)
    response.end()
    return
  }
  await sendPieces(response, reply.status, body, wantsGzip ? zipped : undefined, headers)
}

async function sendPieces(
  response: ServerResponse,
  status: number,
  body: AsyncIterable<string>,
  zipped: Record<string, string> | undefined,
  plain: Record<string, string>,
): Promise<void> {
  const gone = new Promise<void>((resolve) => response.once('close', resolve))
  // A select that fails in its first batch can still be answered as an error.
  const source = body[Symbol.asyncIterator]()
  let next = await source.next()
  let held = next.done ? '' : next.value
  while (zipped && !next.done && held.length <= gzipAbove) {
    next = await source.next()
    if (!next.done) held += next.value
  }
  const isZipped = zipped !== undefined && held.length > gzipAbove
  head(response, status, isZipped ? zipped : plain)
  const gzip = isZipped ? createGzip() : undefined
  gzip?.pipe(response)
  const out: NodeJS.WritableStream = gzip ?? response
  const push = async (text: string): Promise<void> => {
    if (!out.write(text)) {
      await Promise.race([new Promise<void>((resolve) => out.once('drain', resolve)), gone])
    }
  }
  try {
    if (held !== '') await push(held)
    while (!next.done && !response.destroyed) {
      next = await source.next()
      if (!next.done) await push(next.value)
    }
    out.end()
  } catch {
    // The head is out: all that is left is an array that never closes.
    out.end()
  } finally {
    await source.return?.(undefined)
  }
}

function head(response: ServerResponse, status: number, headers: Record<string, string>): void {
  // The server says nothing about a connection it keeps.
  if (headers.Connection === undefined) response.removeHeader('Connection')
  response.writeHead(status, headers)
}

/** The bytes of an answer as they would go over the wire, for connections that break midway. */
export async function wireBytes(
  request: IncomingMessage,
  reply: Reply,
  limit: number,
): Promise<Buffer> {
  const headers = Object.entries(headersOf(request, reply)).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  )
  let text = `HTTP/1.1 ${reply.status} OK\r\n${headers.join('')}`
  const { body } = reply
  if (body === undefined) return Buffer.from(`${text}Content-Length: 0\r\n\r\n`)
  text += 'Transfer-Encoding: chunked\r\n\r\n'
  const pieces: Buffer[] = [Buffer.from(text)]
  let size = text.length
  const add = (piece: string | Uint8Array): void => {
    const bytes = Buffer.from(piece as Uint8Array)
    const chunk = Buffer.concat([
      Buffer.from(`${bytes.length.toString(16)}\r\n`),
      bytes,
      Buffer.from('\r\n'),
    ])
    pieces.push(chunk)
    size += chunk.length
  }
  if (typeof body === 'string' || body instanceof Uint8Array) add(body)
  else {
    for await (const piece of body) {
      add(piece)
      if (size >= limit) break
    }
  }
  pieces.push(Buffer.from('0\r\n\r\n'))
  return Buffer.concat(pieces)
}

/** Refuses a WebSocket handshake with an ordinary answer. */
export function refuseUpgrade(request: IncomingMessage, socket: Duplex, reply: Reply): void {
  const body = typeof reply.body === 'string' ? reply.body : ''
  const headers = Object.entries(headersOf(request, reply)).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  )
  socket.end(
    `HTTP/1.1 ${reply.status} Refused\r\n${headers.join('')}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}
