import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { FetchOptions, FetchResponse, System } from '../../src/system.js'

/** One recorded HTTP exchange of test/contract/wire. */
export interface Exchange {
  name: string
  request: {
    method: string
    path: string
    headers: { [name: string]: string }
    body: string | null
  }
  response: { status: number; headers: { [name: string]: string }; body: string | null }
  note?: string
}

export function wire(file: string): Exchange[] {
  const path = fileURLToPath(new URL(`../contract/wire/${file}.jsonl`, import.meta.url))
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Exchange)
}

/** The recorded exchange of this name. */
export function exchange(file: string, name: string): Exchange {
  const found = wire(file).find((one) => one.name === name)
  if (!found) throw new Error(`no exchange ${name} in ${file}.jsonl`)
  return found
}

/** What a scripted server does with one request. */
export interface Answer {
  status?: number
  body?: string | Uint8Array
  headers?: { [name: string]: string }
  /** The body arrives in these pieces instead. */
  chunks?: (string | Uint8Array)[]
  /** Thrown after the pieces: the connection breaks. */
  breaks?: Error
  /** Thrown instead of any answer. */
  fails?: Error
}

export interface Sent extends FetchOptions {
  url: string
}

export interface Script {
  fetch: System['fetch']
  sent: Sent[]
}

/** A server out of a script: answers by a function, or one after the other from a list. */
export function scripted(answers: Answer[] | ((sent: Sent) => Answer)): Script {
  const sent: Sent[] = []
  return {
    sent,
    async fetch(url, options = {}) {
      const request = { ...options, url }
      sent.push(request)
      const answer = typeof answers === 'function' ? answers(request) : answers[sent.length - 1]
      if (!answer) throw new Error(`unexpected request ${options.method} ${url}`)
      if (answer.fails) throw answer.fails
      return response(answer)
    },
  }
}

/** The recorded answer of an exchange. */
export function recorded(file: string, name: string): Answer {
  const { status, headers, body } = exchange(file, name).response
  return { status, headers, body: body ?? '' }
}

/** An error as Node and undici throw them: with a code. */
export function coded(code: string): Error {
  return Object.assign(new Error(`failed with ${code}`), { code })
}

function response({
  status = 200,
  body = '',
  chunks,
  headers = {},
  breaks,
}: Answer): FetchResponse {
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (const piece of chunks ?? [body])
      if (piece.length > 0)
        yield typeof piece === 'string' ? new TextEncoder().encode(piece) : piece
    if (breaks) throw breaks
  }
  const bytes = async (): Promise<Uint8Array> => {
    const all: Uint8Array[] = []
    for await (const piece of pieces()) all.push(piece)
    return Buffer.concat(all)
  }
  return {
    status,
    headers,
    body: pieces(),
    bytes,
    text: async () => Buffer.from(await bytes()).toString('utf8'),
    discard: async () => {},
  }
}
