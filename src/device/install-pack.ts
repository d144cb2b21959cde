import { constants, deflateRawSync } from 'node:zlib'
import { type FilePlan, type LocalFile, shortHash } from './files.js'

/**
 * The window that the board's memory allows, in bits: 15 where it has 36 KB in one piece, 12 where
 * it has less, 0 where its firmware inflates nothing.
 */
export type WindowBits = 0 | 12 | 15

/** What goes to the board for a plan, each beginning with its window bits (install.py). */
export interface Packs {
  /** install.py alone: whatever unpacks the rest must be there before. */
  installer?: { file: LocalFile; data: Uint8Array }
  rest: Uint8Array
}

/** Packs a plan's files; on trial the board keeps what they replace until they have proven themselves. */
export function packFiles(plan: FilePlan, windowBits: WindowBits, trial: boolean): Packs {
  const all = [...plan.add, ...plan.change]
  const installer = all.find(isInstaller)
  const files = all.filter((file) => !isInstaller(file)).sort(inOrder)
  const head = JSON.stringify({
    files: files.map(({ name, data }) => [name, data.length, shortHash(data)]),
    remove: plan.remove,
    trial,
  })
  const plain = Buffer.concat([Buffer.from(`${head}\n`), ...files.map(({ data }) => data)])
  return {
    ...(installer && {
      installer: { file: installer, data: packed(installer.data, windowBits && 12) },
    }),
    rest: packed(plain, windowBits),
  }
}

export function isInstaller({ name }: { name: string }): boolean {
  return name === 'install.py'
}

/** boot.py first: a cut is finished by whichever stands there. main.py last. */
function inOrder(a: LocalFile, b: LocalFile): number {
  const rank = ({ name }: LocalFile): number =>
    name === 'boot.py' ? 0 : name === 'main.py' ? 2 : 1
  return rank(a) - rank(b) || (a.name < b.name ? -1 : 1)
}

function packed(plain: Uint8Array, windowBits: WindowBits): Uint8Array {
  const level = constants.Z_BEST_COMPRESSION
  const data = windowBits === 0 ? plain : deflateRawSync(plain, { level, windowBits, memLevel: 9 })
  return Buffer.concat([Uint8Array.of(windowBits), data])
}
