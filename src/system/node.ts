import { randomBytes } from 'node:crypto'
import { homedir, hostname, networkInterfaces, release, totalmem, userInfo } from 'node:os'
import { fileURLToPath } from 'node:url'
import envPaths from 'env-paths'
import type { Host, System } from '../system.js'
import { nodeClock } from './clock.js'
import { nodeFetch } from './fetch.js'
import { nodeFiles } from './files.js'
import { nodeNet } from './net.js'
import { nodeSpawn } from './spawn.js'
import { nodeTerminal } from './terminal.js'
import { nodeServerCertificates } from './tls.js'
import { nodeWebSocket } from './web-socket.js'

/** The one real System. WXSTATION_HOME puts settings, data and cache below one folder. */
export function nodeSystem(): System {
  return {
    env: process.env,
    cwd: process.cwd(),
    folders: folders(process.env.WXSTATION_HOME),
    packageFolder: fileURLToPath(new URL('../../', import.meta.url)),
    host: nodeHost(),
    clock: nodeClock,
    files: nodeFiles,
    net: nodeNet,
    terminal: nodeTerminal(),
    fetch: nodeFetch,
    serverCertificates: nodeServerCertificates,
    webSocket: nodeWebSocket,
    spawn: nodeSpawn,
    randomBytes: (size) => new Uint8Array(randomBytes(size)),
    exit: (code) => process.exit(code),
    withoutListeners,
    onSignal(fn) {
      const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
      for (const name of names) process.on(name, fn)
      return () => {
        for (const name of names) process.off(name, fn)
      }
    },
  }
}

/** Emscripten's modules listen for every uncaught error, each instance anew. */
async function withoutListeners<T>(fn: () => Promise<T>): Promise<T> {
  const names = ['uncaughtException', 'unhandledRejection'] as const
  const before = names.map((name) => new Set(process.rawListeners(name)))
  try {
    return await fn()
  } finally {
    for (const [i, name] of names.entries())
      for (const listener of process.rawListeners(name))
        if (!before[i]?.has(listener)) process.off(name, listener as () => void)
  }
}

function folders(home: string | undefined): System['folders'] {
  if (home) return { config: `${home}/config`, data: `${home}/data`, cache: `${home}/cache` }
  const { config, data, cache } = envPaths('wxstation', { suffix: '' })
  return { config, data, cache }
}

function nodeHost(): Host {
  return {
    name: hostname(),
    platform: process.platform,
    release: release(),
    user: userName(),
    home: homedir(),
    nodeVersion: process.version,
    pid: process.pid,
    execPath: process.execPath,
    totalMemoryBytes: totalmem(),
    addresses: () =>
      Object.entries(networkInterfaces()).flatMap(([name, all]) =>
        (all ?? [])
          .filter((one) => one.family === 'IPv4' && !one.internal)
          .map(({ address, netmask }) => ({ name, address, netmask })),
      ),
    cpuMs: () => {
      const { user, system } = process.cpuUsage()
      return (user + system) / 1000
    },
    residentBytes: () => process.memoryUsage.rss(),
  }
}

/** userInfo() throws in containers whose user id has no name. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return process.env.USER ?? ''
  }
}
