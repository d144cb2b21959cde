import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { chips } from '../device/boards.js'
import type { System } from '../system.js'
import { buildImage, imageChips } from './image-builder.js'

/** The interpreter that virtual boards run: the images say the same. */
const release = { version: '1.27.0', date: '2025-12-09' }

export interface Mirror {
  /** Base URL, as `firmware.mirror` wants it: `<url>/catalog.json` is the catalog. */
  readonly url: string
  stop(): Promise<void>
}

interface Served {
  type: string
  body: Uint8Array
}

/** Serves a firmware catalog and small images of the sandbox's own, as a classroom's mirror would. */
export async function startMirror(options: { port?: number }, system: System): Promise<Mirror> {
  const files = mirrorFiles()
  const server = await system.net.serve({ port: options.port ?? 0 }, (request, response) =>
    answer(files, request, response),
  )
  return { url: `http://127.0.0.1:${server.port}`, stop: () => server.close() }
}

/** Path -> what is there: the catalog and one combined image for each chip. */
function mirrorFiles(): Map<string, Served> {
  const files = new Map<string, Served>()
  const firmware = imageChips.map((chip) => {
    const { micropythonBoard: board, bootloaderOffset: offset } = chips[chip]
    const body = buildImage(chip, { version: `v${release.version}`, date: release.date })
    const url = `${board}-${release.date.replaceAll('-', '')}-v${release.version}.bin`
    const sha256 = createHash('sha256').update(body).digest('hex')
    files.set(`/${url}`, { type: 'application/octet-stream', body })
    const parts = [{ offset, url, size: body.length, sha256 }]
    return { runtime: 'micropython', ...release, board, variant: '', chip, parts }
  })
  const catalog = new TextEncoder().encode(`${JSON.stringify({ version: 1, firmware }, null, 2)}\n`)
  return files.set('/catalog.json', { type: 'application/json', body: catalog })
}

function answer(
  files: Map<string, Served>,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const path = new URL(request.url ?? '/', 'http://mirror').pathname
  const file = files.get(path)
  const isRead = request.method === 'GET' || request.method === 'HEAD'
  if (!isRead) response.writeHead(405, { allow: 'GET, HEAD' }).end()
  else if (!file) response.writeHead(404, { 'content-type': 'text/plain' }).end('not found\n')
  else {
    response.writeHead(200, { 'content-type': file.type, 'content-length': file.body.length })
    response.end(request.method === 'HEAD' ? undefined : file.body)
  }
}
