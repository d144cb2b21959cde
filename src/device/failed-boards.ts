import { join } from 'node:path'
import type { System } from '../system.js'

function path(system: System): string {
  return join(system.folders.data, 'failed-boards.json')
}

/** The ports that the last run over several boards could not finish, as they were named. */
export async function readFailed(system: System): Promise<string[]> {
  try {
    const value: unknown = JSON.parse((await system.files.readText(path(system))) ?? '[]')
    return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []
  } catch {
    return []
  }
}

export async function rememberFailed(system: System, ports: string[]): Promise<void> {
  await system.files.write(path(system), `${JSON.stringify(ports)}\n`)
}
