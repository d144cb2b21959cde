/** One frame of STOMP 1.2 (https://stomp.github.io/stomp-specification-1.2.html). */
export interface Frame {
  command: string
  headers: Record<string, string>
  body: string
}

/** Writes a frame. CONNECT is written without escapes, as the specification wants it. */
export function encodeFrame({ command, headers, body }: Frame): string {
  const write = command === 'CONNECT' ? (text: string): string => text : escapeText
  const lines = Object.entries(headers).map(([name, value]) => `${write(name)}:${write(value)}`)
  return `${[command, ...lines].join('\n')}\n\n${body}\0`
}

/** More than a gateway's whole send buffer (512 KB): what is longer is no frame. */
const maxFrame = 4 * 1024 * 1024

/** Reads frames from texts cut anywhere. Line feeds between frames are heartbeats: nothing. */
export class FrameReader {
  #pending = ''

  /** The frames that this text completes. Throws a SyntaxError at what can be no frame. */
  take(text: string): Frame[] {
    this.#pending += text
    const frames: Frame[] = []
    while (true) {
      this.#pending = this.#pending.replace(/^[\r\n]+/, '')
      const headEnd = /\r?\n\r?\n/.exec(this.#pending)
      const end = this.#pending.indexOf('\0')
      if (!headEnd || end < 0 || headEnd.index > end) {
        if (end >= 0) throw new SyntaxError('a STOMP frame without a head')
        return this.#wait(frames)
      }
      const head = this.#pending.slice(0, headEnd.index)
      const bodyStart = headEnd.index + headEnd[0].length
      const { command, headers } = readHead(head)
      const bodyEnd = endOfBody(this.#pending, bodyStart, headers['content-length'])
      if (bodyEnd === undefined) return this.#wait(frames)
      frames.push({ command, headers, body: this.#pending.slice(bodyStart, bodyEnd) })
      this.#pending = this.#pending.slice(bodyEnd + 1)
    }
  }

  /** The rest is to come. */
  #wait(frames: Frame[]): Frame[] {
    if (this.#pending.length > maxFrame) throw new SyntaxError('a STOMP frame without an end')
    return frames
  }
}

/**
 * A body ends at its first NUL, or at content-length (in bytes) where that says more: then it may
 * hold NULs. Undefined while it is not all there.
 */
function endOfBody(
  text: string,
  start: number,
  contentLength: string | undefined,
): number | undefined {
  const bytes = Number(contentLength)
  if (contentLength === undefined || !Number.isInteger(bytes))
    return found(text.indexOf('\0', start))
  let counted = start
  let size = 0
  for (let end = text.indexOf('\0', start); end >= 0; end = text.indexOf('\0', end + 1)) {
    size += Buffer.byteLength(text.slice(counted, end))
    counted = end
    if (size >= bytes) return end
  }
  return undefined
}

function found(index: number): number | undefined {
  return index < 0 ? undefined : index
}

function readHead(head: string): Pick<Frame, 'command' | 'headers'> {
  const [command = '', ...lines] = head.split(/\r?\n/)
  if (!/^[A-Z]+$/.test(command)) throw new SyntaxError('a STOMP frame without a command')
  const isPlain = command === 'CONNECT' || command === 'CONNECTED'
  const read = isPlain ? (text: string): string => text : unescapeText
  const headers: Record<string, string> = Object.create(null) as Record<string, string>
  for (const line of lines) {
    const colon = line.indexOf(':')
    if (colon < 0) throw new SyntaxError('a STOMP header without a colon')
    const name = read(line.slice(0, colon))
    // Of a repeated header the first counts.
    if (!(name in headers)) headers[name] = read(line.slice(colon + 1))
  }
  return { command, headers }
}

const escapes: Record<string, string> = { '\\': '\\\\', '\r': '\\r', '\n': '\\n', ':': '\\c' }
const unescapes: Record<string, string> = { '\\\\': '\\', '\\r': '\r', '\\n': '\n', '\\c': ':' }

function escapeText(text: string): string {
  return text.replace(/[\\\r\n:]/g, (char) => escapes[char] ?? char)
}

function unescapeText(text: string): string {
  return text.replace(/\\./g, (pair) => {
    const char = unescapes[pair]
    if (char === undefined) throw new SyntaxError('an undefined escape in a STOMP header')
    return char
  })
}
