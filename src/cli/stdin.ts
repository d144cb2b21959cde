import { WxError } from '../errors.js'
import { Secret } from '../secret.js'
import type { Terminal } from '../system.js'
import type { Context } from './context.js'

/** A secret has some kilobytes at most (a private key); more is the wrong file. */
const maxBytes = 64_000

/**
 * Reads a secret from standard input to its end, without the line end that echo adds. Whoever sits
 * at a terminal is asked instead, and types it unseen.
 */
export async function secretFromStdin(
  { system, prompts, signal }: Pick<Context, 'system' | 'prompts' | 'signal'>,
  flag: string,
  question: string,
): Promise<Secret> {
  if (prompts.canAsk) return prompts.secret(question, { flag })
  const { stdin } = system.terminal
  if (stdin.isTTY)
    throw new WxError('USAGE', `${flag} wants a pipe or a file, not a terminal.`, {
      hint: 'Append `< secret.txt` to the command.',
    })
  const stop = (): void => void stdin.destroy(signal.reason)
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await read(stdin, flag)
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

async function read(stdin: Terminal['stdin'], flag: string): Promise<Secret> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk as Uint8Array | string)
    chunks.push(bytes)
    size += bytes.length
    if (size > maxBytes) throw new WxError('USAGE', `Standard input is too long for ${flag}.`)
  }
  const text = Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '')
  if (text === '')
    throw new WxError('ANSWER_MISSING', `${flag} found nothing on standard input.`, {
      hint: 'Pipe the secret in: append `< secret.txt` to the command.',
    })
  return new Secret(text)
}
