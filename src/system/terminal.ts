import type { Terminal } from '../system.js'

export function nodeTerminal(): Terminal {
  const { stdin, stdout, stderr } = process
  return {
    stdin: stdin as NodeJS.ReadStream,
    stdout: stdout as NodeJS.WriteStream,
    stderr: stderr as NodeJS.WriteStream,
    canAsk: Boolean(stdin.isTTY && stderr.isTTY),
    isTerminal: Boolean(stdout.isTTY),
    columns: () => stdout.columns || stderr.columns || 80,
  }
}
