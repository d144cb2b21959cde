import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import type { System } from '../system.js'

const { signals } = constants

export const nodeSpawn: System['spawn'] = (command, args, options = {}) =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      ...(options.cwd && { cwd: options.cwd }),
      env: { ...process.env, ...options.env },
      // Nobody types into a child: one with a question takes the way it has off a terminal.
      stdio: options.inherit ? ['ignore', 'inherit', 'inherit'] : ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
    })
    let stdout = ''
    let stderr = ''
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    // SIGINT lets the child tear down as at Ctrl-C; the answer waits for its end either way.
    const interrupt = (): void => void child.kill('SIGINT')
    options.signal?.addEventListener('abort', interrupt, { once: true })
    if (options.signal?.aborted) interrupt()
    child.once('error', reject)
    child.once('close', (code, killedBy) => {
      options.signal?.removeEventListener('abort', interrupt)
      if (options.signal?.aborted) reject(options.signal.reason)
      // The shell's own convention: 130 of a child that Ctrl-C ended before it took notice of any.
      else resolve({ code: code ?? 128 + (killedBy ? signals[killedBy] : 0), stdout, stderr })
    })
  })
