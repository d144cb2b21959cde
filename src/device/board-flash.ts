import { createHash } from 'node:crypto'
import { WxError } from '../errors.js'
import { forBoard, type Report } from '../events.js'
import type { System } from '../system.js'
import { chips } from './boards.js'
import { readLayout } from './chip-layout.js'
import { isSpoiled } from './commands.js'
import { differingRuns } from './compare.js'
import { type AppDescriptor, readDescriptor } from './image.js'
import { sectorBytes } from './loader.js'
import { pack } from './pack.js'
import type { Partition } from './partitions.js'
import { Session } from './session.js'

export interface BoardOptions {
  port: string
  mac?: string | undefined
  waitForButtons: boolean
  baud?: number | undefined
  patience?: number | undefined
}

export interface BoardContext {
  report: Report
  signal: AbortSignal
  board?: string | undefined
}

export interface BoardInfo {
  port: string
  mac: string
  chip: string
  revision: number
  flashSizeBytes: number
  flashId: number
  isSecured: boolean
  partitions: Partition[]
  /** What the app in flash says of itself; undefined where there is none. */
  app?: AppDescriptor
}

/** A piece is read, stored and counted as done before the next: what broke off goes on there. */
const pieceBytes = 0x10000
const attempts = 4

/** Runs `work` on a board in its loader and lets the board start again afterwards. */
async function withBoard<T>(
  options: BoardOptions,
  system: System,
  context: BoardContext,
  work: (session: Session, report: Report, info: BoardInfo) => Promise<T>,
): Promise<T> {
  const report = forBoard(context.report, context.board)
  report({ type: 'stage', stage: 'connect' })
  const session = await Session.open({ ...options, report, signal: context.signal }, system)
  try {
    const { chip, revision, flashSizeBytes, flashId, isSecured } = session.loader.facts
    const info = {
      ...{ port: options.port, mac: session.mac, chip: chips[chip].name },
      ...{ revision, flashSizeBytes, flashId, isSecured, partitions: [] },
    }
    const { partitions: _, ...values } = info
    report({ type: 'fact', fact: { kind: 'chip', values } })
    return await work(session, report, info)
  } finally {
    await session.close()
  }
}

/** Chip, flash, partitions and the app in them; reads only. */
export function boardInfo(
  options: BoardOptions,
  system: System,
  context: BoardContext,
): Promise<BoardInfo> {
  return withBoard(options, system, context, async ({ loader }, _, info) => {
    if (info.isSecured) return info
    const { partitions } = await readLayout(loader)
    const first = partitions.find(({ type }) => type === 'app')
    // Header, first segment's head and the descriptor: a whole sector takes a third of a second.
    const app = first && readDescriptor(await loader.readAll(first.offset, 0x200), 0)
    return { ...info, partitions, ...(app && { app }) }
  })
}

/** Sets the whole chip to ones. */
export function eraseBoard(
  options: BoardOptions,
  system: System,
  context: BoardContext,
): Promise<BoardInfo> {
  return withBoard(options, system, context, async (session, report, info) => {
    refuseSecured(info)
    const startMs = system.clock.monotonic()
    report({ type: 'stage', stage: 'erase' })
    await session.loader.eraseAll()
    report({ type: 'done', stage: 'erase', elapsedMs: system.clock.monotonic() - startMs })
    return info
  })
}

export interface Range {
  offset: number
  /** Undefined takes everything to the end of the chip. */
  size: number | undefined
}

/**
 * Reads a range of flash into a file. What a run that broke off has stored in `<path>.part` is
 * compared with the chip and not read again; the whole is proven by the chip's MD5.
 */
export function backupBoard(
  path: string,
  range: Range,
  options: BoardOptions,
  system: System,
  context: BoardContext,
): Promise<BoardInfo & { size: number; sha256: string }> {
  return withBoard(options, system, context, async (session, report, info) => {
    refuseSecured(info)
    const size = sizeOf(range, info)
    await session.raiseBaud()
    report({ type: 'stage', stage: 'backup' })
    const startMs = system.clock.monotonic()
    const partial = `${path}.part`
    const kept = (await system.files.read(partial)) ?? new Uint8Array(0)
    const bytes = new Uint8Array(size)
    bytes.set(kept.subarray(0, size))
    // It may hold the password of a network, as the backup itself does.
    const store = await system.files.open(partial, kept.length > 0 ? 'r+' : 'w', 0o600)
    try {
      await store.chmod(0o600)
      for (let at = 0, failures = 0; at < size; ) {
        const length = Math.min(pieceBytes, size - at)
        const piece = bytes.subarray(at, at + length)
        try {
          await readPiece(session, range.offset + at, piece, at + length <= kept.length)
          await store.write(piece, 0, length, at)
          at += length
          failures = 0
          report({ type: 'progress', stage: 'backup', done: at, total: size, unit: 'bytes' })
        } catch (error) {
          if (!isSpoiled(error) || ++failures >= attempts) throw error
          await session.stepDown()
        }
      }
    } finally {
      await store.close()
    }
    await system.files.write(path, bytes, { mode: 0o600 })
    await system.files.remove(partial)
    report({ type: 'done', stage: 'backup', elapsedMs: system.clock.monotonic() - startMs })
    return { ...info, size, sha256: createHash('sha256').update(bytes).digest('hex') }
  })
}

/** Fills `piece` from the chip. Erased flash and what an earlier run has read need no bytes on the wire. */
async function readPiece(
  { loader }: Session,
  address: number,
  piece: Uint8Array,
  isKept: boolean,
): Promise<void> {
  const wanted = await loader.md5(address, piece.length)
  if (isKept && md5(piece) === wanted) return
  if (md5(new Uint8Array(piece.length).fill(0xff)) === wanted) piece.fill(0xff)
  else piece.set(await loader.readAll(address, piece.length))
  if (md5(piece) !== wanted)
    throw new WxError('VERIFY_FAILED', 'What was read does not match the chip.')
}

/** Writes a file to flash as it is; only sectors that differ, proven by the chip's MD5. */
export function restoreBoard(
  bytes: Uint8Array,
  range: Range,
  options: BoardOptions,
  system: System,
  context: BoardContext,
): Promise<BoardInfo & { size: number; sectorsWritten: number }> {
  return withBoard(options, system, context, async (session, report, info) => {
    refuseSecured(info)
    if (range.offset % sectorBytes !== 0 || bytes.length % sectorBytes !== 0) {
      throw new WxError('USAGE', 'A restore needs whole sectors of 4096 bytes.')
    }
    if (range.offset + bytes.length > info.flashSizeBytes) {
      throw new WxError('IMAGE_INVALID', 'The file is larger than the flash from there on.')
    }
    await session.raiseBaud()
    const startMs = system.clock.monotonic()
    report({ type: 'stage', stage: 'restore' })
    let sectorsWritten = 0
    for (let failures = 0; ; ) {
      try {
        const region = { address: range.offset, bytes }
        const runs = await differingRuns(
          region,
          (at, size) => session.loader.md5(at, size),
          () => {},
        )
        if (runs.length === 0) break
        for (const { address, size } of runs) {
          const from = address - range.offset
          const packed = await pack(bytes.subarray(from, from + size))
          await session.loader.write(address, packed, (done) =>
            report({
              type: 'progress',
              stage: 'restore',
              done,
              total: packed.deflated.length,
              unit: 'bytes',
            }),
          )
          sectorsWritten += size / sectorBytes
        }
        // The comparison of the next round is the proof.
        if (++failures > attempts)
          throw new WxError('VERIFY_FAILED', 'The flash does not hold what was written.')
      } catch (error) {
        if (!isSpoiled(error) || ++failures >= attempts) throw error
        await session.stepDown()
      }
    }
    report({ type: 'done', stage: 'restore', elapsedMs: system.clock.monotonic() - startMs })
    return { ...info, size: bytes.length, sectorsWritten }
  })
}

function md5(bytes: Uint8Array): string {
  return createHash('md5').update(bytes).digest('hex')
}

function sizeOf({ offset, size }: Range, { flashSizeBytes }: BoardInfo): number {
  const whole = size ?? flashSizeBytes - offset
  if (offset % sectorBytes !== 0 || offset < 0 || whole <= 0 || offset + whole > flashSizeBytes) {
    throw new WxError('USAGE', 'This range does not lie in whole sectors inside the flash.')
  }
  return whole
}

function refuseSecured({ isSecured, chip }: BoardInfo): void {
  if (isSecured) throw new WxError('CHIP_SECURED', `This ${chip} does not let its flash be read.`)
}
