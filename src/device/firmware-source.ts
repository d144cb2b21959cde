import { createHash } from 'node:crypto'
import { basename } from 'node:path'
import { WxError } from '../errors.js'
import type { Report } from '../events.js'
import type { System } from '../system.js'
import { chips } from './boards.js'
import type { ChipFacts } from './chip-facts.js'
import { type FetchedFirmware, fetchFirmware } from './fetched-firmware.js'
import { chooseFirmware, type FirmwareOptions, parseFirmwareName } from './firmware.js'
import { type Image, readImage } from './image.js'

/** What the user wants on the board: a file that was read and proven, or a runtime to choose for the chip. */
export type FirmwareSource =
  | { kind: 'file'; name: string; image: Image; sha256: string }
  | ({
      kind: 'runtime'
      runtime: string
      version: string | undefined
      variant?: string
      /** What was fetched for one board is there for the next: by chip and variant. */
      fetched: Map<string, Promise<FetchedFirmware>>
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
  if (named) return { kind: 'runtime', ...named, ...options, fetched: new Map() }
  const unreadable = (cause: unknown): never => {
    throw new WxError('FILE_UNREADABLE', `${text} cannot be read.`, { cause })
  }
  const stat = await system.files.stat(text).catch(unreadable)
  if (!stat || stat.isFolder) {
    const what = stat ? 'is a folder' : 'is neither a firmware nor a file'
    throw new WxError('FILE_UNREADABLE', `"${text}" ${what}.`, {
      hint: 'Give micropython, micropython@1.28.0, espruino or the path of an image.',
      details: { name: text },
    })
  }
  if (options.variant !== undefined)
    throw new WxError('USAGE', `${text} is a file: it is one variant already.`, {
      hint: 'Leave --variant out, or give micropython or espruino.',
    })
  if (stat.size === 0 || stat.size > 16 * 1024 * 1024) {
    const why = stat.size === 0 ? 'it is empty' : 'it is larger than any flash'
    throw new WxError('IMAGE_INVALID', `${text} cannot be flashed: ${why}.`)
  }
  const bytes = (await system.files.read(text).catch(unreadable)) ?? new Uint8Array(0)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const image = readImage(withoutLead(bytes), basename(text))
  return { kind: 'file', name: basename(text), image, sha256 }
}

/** A file of the whole flash, from 0x0 on: its image begins where the chip's bootloader does. */
function withoutLead(bytes: Uint8Array): Uint8Array {
  for (const { bootloaderOffset } of Object.values(chips)) {
    const isLead = bytes.subarray(0, bootloaderOffset).every((byte) => byte === 0xff)
    if (isLead && bytes[bootloaderOffset] === 0xe9) return bytes.subarray(bootloaderOffset)
  }
  return bytes
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
          ...builtOf(image),
        },
      },
    })
    return { name, image, runtime, version, sha256 }
  }
  const { chosen, image, parts } = await fetchedOnce(source, facts, system, {
    signal,
    onProgress: (done, total) =>
      report({ type: 'progress', stage: 'fetch', done, total, unit: 'bytes' }),
  })
  const is = (key: 'trust' | 'from', value: string): boolean =>
    parts.some((part) => part[key] === value)
  const sha256 = parts.map((part) => part.sha256).join(' ')
  const values = {
    runtime: chosen.runtime,
    version: chosen.version,
    name: [chosen.board, chosen.variant].filter(Boolean).join('-'),
    bytes: image.bytes.length,
    trust: is('trust', 'first') ? 'first' : is('trust', 'known') ? 'known' : 'pinned',
    from: is('from', 'fetched') ? 'fetched' : 'cache',
    sha256,
    ...builtOf(image),
  }
  report({ type: 'fact', fact: { kind: 'firmware', values } })
  const name = `${chosen.board} ${chosen.version}`
  return { name, image, runtime: chosen.runtime, version: chosen.version, sha256 }
}

/** When and with what the app was built, as its descriptor says. */
function builtOf({ app }: Image): { built?: string; idf?: string } {
  return app ? { built: `${app.date} ${app.time}`.trim(), idf: app.idfVersion } : {}
}

/** Boards that want the same build share one download, and with it its success or failure. */
function fetchedOnce(
  source: FirmwareSource & { kind: 'runtime' },
  { chip, flashSizeBytes }: ChipFacts,
  system: System,
  during: { signal: AbortSignal; onProgress: (done: number, total: number) => void },
): Promise<FetchedFirmware> {
  // The ESP32-D2WD has 2 MB inside, which no other build of MicroPython fits into.
  const isSmall = chip === 'esp32' && flashSizeBytes === 2 * 1024 * 1024
  const own = isSmall && source.runtime === 'micropython' ? 'D2WD' : undefined
  const variant = source.variant ?? own
  const key = `${chip} ${variant ?? ''}`
  const { fetched } = source
  const shared =
    fetched.get(key) ??
    chooseFirmware(
      { ...source, chip, ...(variant && { variant }) },
      { ...source, signal: during.signal },
      system,
    ).then((chosen) =>
      fetchFirmware(chosen, { ...source, signal: during.signal }, system, during.onProgress),
    )
  fetched.set(key, shared)
  return shared
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
