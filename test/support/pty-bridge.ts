import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(new URL('pty_bridge.py', import.meta.url))

/** Why there is no bridge here, for the name of a skipped test; empty where there is one. */
export const noBridge =
  process.platform !== 'win32' && spawnSync('python3', ['--version']).status === 0
    ? ''
    : ' (skipped: python3 is not here)'

/** A pseudo-terminal that leads to a socket:// port, until it is closed. */
export async function openBridge(url: string): Promise<{ path: string; close(): void }> {
  const bridge = spawn('python3', [script, new URL(url).port], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const [line] = (await once(bridge.stdout, 'data')) as [Buffer]
  return { path: line.toString().trim(), close: () => bridge.stdin.end() }
}
