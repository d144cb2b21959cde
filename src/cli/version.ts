import { createRequire } from 'node:module'

/** The version of the package, read from its package.json. */
export function version(): string {
  const { version } = createRequire(import.meta.url)('../../package.json') as { version: string }
  return version
}
