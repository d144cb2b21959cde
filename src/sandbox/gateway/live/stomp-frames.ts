/** One STOMP frame; header names as sent, the first of a repeated header counts. */
export interface StompFrame {
  command: string
  headers: Map<string, string>
  body: string
}

const unescapes: Record<string, string> = { '\\c': ':', '\\n': '\n', '\\r': '\r', '\\\\': '\\' }
const escapes: Record<string, string> = { ':': '\\c', '\n': '\\n', '\r': '\\r', '\\': '\\\\' }

export const escapeHeader = (text: string): string =>
  text.replace(/[:\n\r\\]/g, (one) => escapes[one] ?? one)

/** The frames of one WebSocket message; heart-beats (bare line ends) give none. */
export function parseFrames(text: string): StompFrame[] | undefined {
  const frames: StompFrame[] = []
  let rest = text.replace(/^[\r\n]+/, '')
  while (rest !== '') {
    const head = /^([A-Z]+)\r?\n((?:[^\r\n]+\r?\n)*)\r?\n/.exec(rest)
    if (!head) return undefined
    const [all, command = '', lines = ''] = head
    const headers = new Map<string, string>()
    for (const line of lines.split(/\r?\n/)) {
      const at = line.indexOf(':')
      if (at <= 0) continue
      const name = unescaped(line.slice(0, at))
      if (!headers.has(name)) headers.set(name, unescaped(line.slice(at + 1)))
    }
    const end = rest.indexOf('\0', all.length)
    if (end < 0) return undefined
    frames.push({ command, headers, body: rest.slice(all.length, end) })
    rest = rest.slice(end + 1).replace(/^[\r\n]+/, '')
  }
  return frames
}

const unescaped = (text: string): string =>
  text.replace(/\\[cnr\\]/g, (one) => unescapes[one] ?? one)

/** A frame as text; headers are written as given, so escape what came from outside. */
export function frameText(
  command: string,
  headers: [string, string | number][],
  body = '',
): string {
  const lines = headers.map(([name, value]) => `${name}:${value}\n`)
  return `${command}\n${lines.join('')}\n${body}\0`
}
