import { fileError, WxError } from '../errors.js'
import type { System } from '../system.js'

/**
 * What broke a stream: its reader closed the pipe (EPIPE), or the file behind it took no more. The
 * process's own stdout forgets that it was destroyed.
 */
const breaks = new WeakMap<object, NodeJS.ErrnoException>()

/** Waits for a slow reader, so that memory stays bounded whatever hangs at the other end. */
export async function writeLine(
  system: System,
  line: string | Uint8Array,
  before?: () => void,
): Promise<void> {
  const { stdout } = system.terminal
  before?.()
  checkOutput(stdout)
  if (stdout.write(typeof line === 'string' ? `${line}\n` : line)) return
  await new Promise<void>((resolve) => {
    const done = (): void => {
      stdout.off('drain', done).off('close', done).off('error', done)
      resolve()
    }
    stdout.on('drain', done).on('close', done).on('error', done)
  })
  checkOutput(stdout)
}

/** Throws once nobody takes what is printed. */
function checkOutput(stdout: NodeJS.WriteStream): void {
  const failure = outputFailure(stdout)
  if (failure) throw failure
  if (isGone(stdout)) throw new WxError('INTERRUPTED', 'The reader of the output went away.')
}

/** Whether a pipe's reader closed it. */
export function isGone(stdout: NodeJS.WriteStream): boolean {
  return stdout.destroyed || breaks.has(stdout)
}

/** What keeps data from its file: a script must not take what arrived for all there is. */
export function outputFailure(stdout: NodeJS.WriteStream): WxError | undefined {
  const error = breaks.get(stdout)
  return error && fileError(error, 'Standard output')
}

/** Learns what breaks from here on: `| head` closes the pipe, a quiet success and no error. */
export function watchOutput({ terminal }: System): () => void {
  const { stdout, stderr } = terminal
  const onError = (error: NodeJS.ErrnoException): void => {
    breaks.set(stdout, error)
    stdout.destroy()
  }
  // Without notices the data is still good.
  const onNoticeError = (error: NodeJS.ErrnoException): void => {
    if (error.code === 'EPIPE') onError(error)
  }
  stdout.on('error', onError)
  stderr.on('error', onNoticeError)
  return () => {
    stdout.off('error', onError)
    stderr.off('error', onNoticeError)
  }
}

/** Resolves when nothing waits to be written any more: an error of the last write comes before that. */
export async function outputFlushed({ terminal }: System): Promise<void> {
  await Promise.all([written(terminal.stdout), written(terminal.stderr)])
}

async function written(stream: NodeJS.WriteStream): Promise<void> {
  if (isGone(stream)) return
  await new Promise<void>((resolve) => {
    stream.write('', () => resolve())
  })
}
