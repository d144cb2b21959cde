import type { Link } from '../device/link.js'
import { isAbort } from '../errors.js'
import type { Terminal } from '../system.js'
import type { ReplFlags } from './commands/repl.js'
import type { Context } from './context.js'
import { openBoardLink } from './port.js'

/** Ctrl-], as telnet and miniterm have it: nothing on a board needs it. */
const leaveKey = 0x1d
// After the last piped byte a board still answers: a second of silence is the end of its answer.
const lastWordsMs = 1000

/** Joins terminal and board, byte by byte, until the leave key, the end of the input or a lost port. */
export async function talkToBoard(context: Context, { port }: ReplFlags): Promise<undefined> {
  const { report, signal, system } = context
  const settings = context.settings.with({ port })
  const link = await openBoardLink({ ...context, settings })
  const { terminal } = system
  const { stdin } = terminal
  const left = new AbortController()
  const stop = AbortSignal.any([signal, left.signal])
  const isTyped = stdin.isTTY
  report({ type: 'notice', notice: 'repl-open' })
  // In raw mode Ctrl-C is a byte for the board, not the end of this program.
  if (isTyped) stdin.setRawMode(true)
  let inputEnded = false
  const printing = print(link, terminal, () => inputEnded, stop)
  try {
    const sending = send(link, terminal, stop).then(() => {
      inputEnded = true
      return isTyped ? undefined : printing
    })
    await Promise.race([printing, sending])
  } finally {
    left.abort()
    await printing.catch(() => {})
    if (isTyped) stdin.setRawMode(false)
    stdin.pause()
    await link.close()
  }
  signal.throwIfAborted()
  return undefined
}

/** What is typed goes to the board as it is, up to the leave key. */
function send(link: Link, { stdin }: Terminal, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    let writing = Promise.resolve()
    const end = (): void => {
      stdin.off('data', onData).off('end', end)
      signal.removeEventListener('abort', end)
      writing.then(resolve, reject)
    }
    const onData = (chunk: Buffer | string): void => {
      const bytes = Buffer.from(chunk as string)
      const at = bytes.indexOf(leaveKey)
      const sent = at < 0 ? bytes : bytes.subarray(0, at)
      if (sent.length > 0) writing = writing.then(() => link.write(sent, signal))
      // A lost port is said by whoever reads from it; here it only must not go unhandled.
      writing.catch(end)
      if (at >= 0) end()
    }
    signal.addEventListener('abort', end, { once: true })
    stdin.on('data', onData).on('end', end)
  })
}

async function print(
  link: Link,
  { stdout }: Terminal,
  isLast: () => boolean,
  signal: AbortSignal,
): Promise<void> {
  try {
    while (!signal.aborted) {
      const bytes = await link.read(lastWordsMs, signal)
      if (bytes.length === 0 && isLast()) return
      stdout.write(bytes)
    }
  } catch (error) {
    if (!signal.aborted && !isAbort(error)) throw error
  }
}
