import type { FetchResponse, System } from '../../src/system.js'
import { coded } from './answers.js'

type Break = (sound: FetchResponse, clock: System['clock']) => Promise<FetchResponse>

const page = '<!doctype html><title>Welcome</title><p>Please accept the terms of this network.'
const half = (bytes: Uint8Array): Uint8Array => bytes.subarray(0, Math.ceil(bytes.length / 2))

/** The same answer with another body; the error comes where the body ends, or `after` some time. */
function answer(
  sound: Pick<FetchResponse, 'status' | 'headers'>,
  pieces: Iterable<Uint8Array | string>,
  ends: () => Promise<void> = async () => {},
): FetchResponse {
  async function* body(): AsyncGenerator<Uint8Array> {
    for (const piece of pieces) yield Buffer.from(piece as Uint8Array)
    await ends()
  }
  const bytes = async (): Promise<Uint8Array> => {
    const all: Uint8Array[] = []
    for await (const piece of body()) all.push(piece)
    return Buffer.concat(all)
  }
  const text = async (): Promise<string> => Buffer.from(await bytes()).toString('utf8')
  return { ...sound, body: body(), bytes, text, discard: async () => {} }
}

const fails = (code: string) => async (): Promise<never> => {
  throw coded(code)
}

function* endless(): Generator<Uint8Array> {
  for (let i = 0; i < 2000; i++) yield Buffer.alloc(1_000_000, 0x20)
}

/** What can be wrong with an answer, whichever exchange it belongs to. */
export const breaks: { [name: string]: Break } = {
  'a cut before its head': fails('ECONNRESET'),
  'a cut in its body': async (sound) =>
    answer(sound, [half(await sound.bytes())], fails('UND_ERR_SOCKET')),
  // A server that says nothing: the client's own deadlines end it (30 and 60 s).
  'a stall before its head': async (_sound, clock) => {
    await clock.sleep(30_000)
    throw coded('UND_ERR_HEADERS_TIMEOUT')
  },
  'a stall in its body': async (sound, clock) =>
    answer(sound, [half(await sound.bytes())], async () => {
      await clock.sleep(60_000)
      throw coded('UND_ERR_BODY_TIMEOUT')
    }),
  garbage: async () =>
    answer({ status: 200, headers: {} }, [Buffer.from('\u0000\u0007\ufffd{]"\u001b[2J', 'utf8')]),
  'a web page': async () =>
    answer({ status: 200, headers: { 'content-type': 'text/html' } }, [page]),
  'a web page that calls itself JSON': async (sound) =>
    answer({ ...sound, headers: { 'content-type': 'application/json' } }, [page]),
  'a proxy’s page of status 503': async () =>
    answer({ status: 503, headers: { 'content-type': 'text/html' } }, [page]),
  'an ApiError of status 500': async () =>
    answer({ status: 500, headers: { 'content-type': 'application/json' } }, [
      JSON.stringify({ type: 'java.lang.NullPointerException', message: null, stackTrace: ['a'] }),
    ]),
  'half of its JSON, well ended': async (sound) =>
    answer({ ...sound, headers: {} }, [half(await sound.bytes())]),
  'another content type': async (sound) =>
    answer({ ...sound, headers: { ...sound.headers, 'content-type': 'text/html' } }, [
      await sound.bytes(),
    ]),
  'a body without end': async (sound) => answer(sound, endless()),
}

/** Breaks the answers whose `METHOD /path` contains `what`, as long as `isOn` says so. */
export function breaking(
  { fetch, clock }: Pick<System, 'fetch' | 'clock'>,
  { what, how, isOn = () => true }: { what: string; how: Break; isOn?: () => boolean },
): { fetch: System['fetch']; broken: () => number } {
  let broken = 0
  return {
    broken: () => broken,
    async fetch(url, options) {
      const sound = await fetch(url, options)
      const { pathname, search } = new URL(url)
      if (!`${options?.method ?? 'GET'} ${pathname}${search}`.includes(what) || !isOn())
        return sound
      broken++
      return how(sound, clock)
    },
  }
}
