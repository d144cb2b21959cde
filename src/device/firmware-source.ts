import { createHash } from 'node:crypto'
import { basename } from 'node:path'
import { WxError } from '../errors.js'
import type { Report } from '../events.js'
import type { System } from '../system.js'
import type { ChipFacts } from './chip-facts.js'
import { download } from './download.js'
import { chooseFirmware, type FirmwareOptions, parseFirmwareName } from './firmware.js'
import { mergeParts } from './flash-target.js'
import { type Image, readImage } from './image.js'

/** What the user wants on the board: a file that was read and proven, or a runtime to choose for the chip. */
export type FirmwareSource =
  | { kind: 'file'; name: string; image: Image; sha256: string }
  | ({
      kind: 'runtime'
      runtime: string
      version: string | undefined
      variant?: string
    } & FirmwareOptions)

/** Firmware that is here and whose structure is proven. */
export interface Obtained {
  name: string
  image: Image
  runtime: string
  /** As the firmware's banner says it; empty where the image does not tell. */
  version: string
  sha256: string
}

/** A firmware's name or the path of an image. A file is read and checked before any board is touched. */
export async function readSource(
  text: string,
  options: FirmwareOptions & { variant?: string },
  system: System,
): Promise<FirmwareSource> {
  const named = parseFirmwareName(text)
  if (named) return { kind: 'runtime', ...named, ...options }
  const stat = await system.files.stat(text)
  if (!stat || stat.isFolder) {
    const what = stat ? 'is a folder' : 'is neither a firmware nor a file'
    throw new WxError('FILE_UNREADABLE', `"${text}" ${what}.`, {
      hint: 'Give micropython, micropython@1.28.0, espruino or the path of an image.',
      details: { name: text },
    })
  }
  if (stat.size > 16 * 1024 * 1024) {
    throw new WxError('IMAGE_INVALID', `${text} cannot be flashed: it is larger than any flash.`)
  }
  const bytes = (await system.files.read(text)) ?? new Uint8Array(0)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return { kind: 'file', name: basename(text), image: readImage(bytes, basename(text)), sha256 }
}

/** Fetches, or takes from the cache, what fits the chip, and reports what it is. */
export async function obtainFirmware(
  source: FirmwareSource,
  facts: ChipFacts,
  system: System,
  { report, signal }: { report: Report; signal: AbortSignal },
): Promise<Obtained> {
  if (source.kind === 'file') {
    const { name, image, sha256 } = source
    const { runtime, version } = identityOf(image)
    report({
      type: 'fact',
      fact: {
        kind: 'firmware',
        values: {
          runtime,
          version,
          name,
          bytes: image.bytes.length,
          trust: 'file',
          from: 'file',
          sha256,
        },
      },
    })
    return { name, image, runtime, version, sha256 }
  }
  const chosen = await chooseFirmware(
    { ...source, chip: facts.chip },
    { ...source, signal },
    system,
  )
  const parts: { offset: number; bytes: Uint8Array; sha256: string }[] = []
  const trust = new Set<string>()
  const from = new Set<string>()
  for (const part of chosen.parts) {
    const got = await download(part, { ...source, signal }, system, (done, total) =>
      report({ type: 'progress', stage: 'fetch', done, total, unit: 'bytes' }),
    )
    parts.push({ offset: part.offset, ...got })
    trust.add(got.trust)
    from.add(got.from)
  }
  const name = `${chosen.board} ${chosen.version}`
  const image = readImage(mergeParts(parts), name)
  const sha256 = parts.map((part) => part.sha256).join(' ')
  const values = {
    runtime: chosen.runtime,
    version: chosen.version,
    name: [chosen.board, chosen.variant].filter(Boolean).join('-'),
    bytes: image.bytes.length,
    trust: trust.has('first') ? 'first' : trust.has('known') ? 'known' : 'pinned',
    from: from.has('fetched') ? 'fetched' : 'cache',
    sha256,
  }
  report({ type: 'fact', fact: { kind: 'firmware', values } })
  return { name, image, runtime: chosen.runtime, version: chosen.version, sha256 }
}

/** Runtime and version as an image tells them itself. MicroPython's banner is one constant text of its app. */
export function identityOf({ bytes, app }: Image): { runtime: string; version: string } {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const at = text.indexOf('MicroPython v')
  const banner = at < 0 ? '' : text.toString('latin1', at, at + 80)
  const version = /^MicroPython v(\d[^\s;]*) on \d/.exec(banner)?.[1]
  if (version) return { runtime: 'micropython', version }
  if (app?.project === 'micropython') return { runtime: 'micropython', version: '' }
  if (/espruino/i.test(app?.project ?? '')) return { runtime: 'espruino', version: '' }
  return { runtime: app?.project ?? '', version: app?.version ?? '' }
}
