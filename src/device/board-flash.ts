import { WxError } from '../errors.js'
import { forBoard, type Report } from '../events.js'
import type { System } from '../system.js'
import { chips } from './boards.js'
import { readLayout } from './chip-layout.js'
import { isSpoiled } from './commands.js'
import { differingRuns } from './compare.js'
import { type AppDescriptor, chipOfFlash, readDescriptor } from './image.js'
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
  /** The USB chip that carries the port, where the computer knows it. */
  bridge?: string
  chip: string
  revision: number
  flashSizeBytes: number
  flashId: number
  isSecured: boolean
  partitions: Partition[]
  /** What the app in flash says of itself; undefined where there is none. */
  app?: AppDescriptor
}

const attempts = 4

/** Runs `work` on a board in its loader and lets the board start again afterwards. */
export async function withBoard<T>(
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
      ...(session.bridge && { bridge: session.bridge }),
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
    try {
      await session.loader.eraseAll()
    } catch (error) {
      report({ type: 'notice', notice: 'half-erased' })
      throw error
    }
    report({ type: 'done', stage: 'erase', elapsedMs: system.clock.monotonic() - startMs })
    return info
  })
}

export interface Range {
  offset: number
  /** Undefined takes everything to the end of the chip. */
  size: number | undefined
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
    checkRestore(bytes, range, info)
    await session.raiseBaud()
    const startMs = system.clock.monotonic()
    report({ type: 'stage', stage: 'restore' })
    let sectorsWritten = 0
    let isTorn = false
    for (let failures = 0; ; ) {
      try {
        const region = { address: range.offset, bytes }
        const runs = await differingRuns(
          region,
          (at, size) => session.loader.md5(at, size),
          () => {},
        )
        isTorn &&= runs.length > 0
        if (runs.length === 0) break
        const total = runs.reduce((sum, { size }) => sum + size, 0)
        let before = 0
        for (const { address, size } of runs) {
          const from = address - range.offset
          const packed = await pack(bytes.subarray(from, from + size), address)
          isTorn = true
          await session.loader.write(address, packed, (done) =>
            report({
              type: 'progress',
              stage: 'restore',
              done: Math.round(before + (size * done) / packed.deflated.length),
              total,
              unit: 'bytes',
            }),
          )
          before += size
          sectorsWritten += size / sectorBytes
        }
        // The comparison of the next round is the proof.
        if (++failures > attempts)
          throw new WxError('VERIFY_FAILED', 'The flash does not hold what was written.')
      } catch (error) {
        if (!isSpoiled(error) || ++failures >= attempts) {
          if (isTorn) report({ type: 'notice', notice: 'half-restored' })
          throw error
        }
        await session.stepDown()
      }
    }
    report({ type: 'done', stage: 'restore', elapsedMs: system.clock.monotonic() - startMs })
    return { ...info, size: bytes.length, sectorsWritten }
  })
}

/** Refuses a file that does not fit, or would leave the board without a bootloader of its own. */
function checkRestore(
  bytes: Uint8Array,
  { offset }: Range,
  { flashSizeBytes, chip }: BoardInfo,
): void {
  if (offset % sectorBytes !== 0 || bytes.length % sectorBytes !== 0) {
    throw new WxError('USAGE', 'A restore needs whole sectors of 4096 bytes.', {
      hint: 'Give a file that `wxstation board backup` made, at the offset it was read from.',
    })
  }
  if (offset + bytes.length > flashSizeBytes) {
    throw new WxError('IMAGE_INVALID', 'The file is larger than the flash from there on.', {
      hint: 'Restore it to the board it was read from, at the same offset.',
      details: { sizeBytes: bytes.length, offset, flashSizeBytes },
    })
  }
  const made = chipOfFlash(bytes, offset)
  if (made === undefined || chips[made].name === chip) return
  throw new WxError(
    'IMAGE_WRONG_CHIP',
    `The file is the flash of an ${chips[made].name}, but the board has an ${chip}.`,
    {
      hint: 'Restore it to the board it was read from.',
      details: { image: chips[made].name, board: chip },
    },
  )
}

/** A range in bytes. Throws USAGE where it does not lie in whole sectors of the flash. */
export function rangeOf(
  { offset, size }: Range,
  { flashSizeBytes }: BoardInfo,
): { offset: number; size: number } {
  const whole = size ?? flashSizeBytes - offset
  const isWhole = offset % sectorBytes === 0 && whole % sectorBytes === 0
  if (!isWhole || offset < 0 || whole <= 0 || offset + whole > flashSizeBytes) {
    throw new WxError('USAGE', 'This range does not lie in whole sectors inside the flash.', {
      hint: `A sector has 0x1000 bytes, this flash 0x${flashSizeBytes.toString(16)}.`,
    })
  }
  return { offset, size: whole }
}

export function refuseSecured({ isSecured, chip }: BoardInfo): void {
  if (isSecured) throw new WxError('CHIP_SECURED', `This ${chip} does not let its flash be read.`)
}
