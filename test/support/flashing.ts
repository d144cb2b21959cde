import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readSource } from '../../src/device/firmware-source.js'
import { type FlashOptions, type FlashResult, flashBoard } from '../../src/device/flasher.js'
import { openLink } from '../../src/device/links/open.js'
import { applyReset, downloadStrategies } from '../../src/device/reset.js'
import type { Event } from '../../src/events.js'
import type { VirtualBoard } from '../../src/sandbox/board/board.js'
import { testBoard } from './board.js'
import { speaks } from './large-image.js'
import { type TestSystem, temporaryFolder, testSystem } from './system.js'

/** An unpaced board whose firmware answers at once. */
export function speakingBoard(
  options: Parameters<typeof testBoard>[0] = {},
): Promise<VirtualBoard> {
  return testBoard({ startRuntime: async () => speaks, ...options })
}

export function imageFile(bytes: Uint8Array): string {
  const path = join(temporaryFolder(), 'firmware.bin')
  writeFileSync(path, bytes)
  return path
}

export interface Flashing extends Partial<Omit<FlashOptions, 'port' | 'source'>> {
  signal?: AbortSignal
  report?: (event: Event) => void
}

/** Runs the flasher with nobody at the board. */
export async function flash(
  port: string,
  path: string,
  system: TestSystem,
  { signal, report, ...options }: Flashing = {},
): Promise<FlashResult> {
  const source = await readSource(path, { mirror: undefined, offline: true }, system)
  return flashBoard(
    {
      ...{
        port,
        source,
        erase: false,
        stockPartitions: false,
        dryRun: false,
        discardFiles: false,
        force: false,
      },
      ...{ waitForButtons: false, mayLose: async () => 'lose' as const, ...options },
    },
    system,
    { report: report ?? (() => {}), signal: signal ?? new AbortController().signal },
  )
}

/** Runs while the power goes at this flash operation, counted from now; the board is whole afterwards. */
export async function powerCutAt<T>(
  board: VirtualBoard,
  operation: number,
  run: () => Promise<T>,
  onCut: () => void,
): Promise<T> {
  board.faults.cutPowerAtFlashOperation = operation
  const watch = setInterval(() => {
    if (board.isPowered) return
    clearInterval(watch)
    onCut()
  }, 5)
  try {
    return await run()
  } finally {
    clearInterval(watch)
    board.faults.cutPowerAtFlashOperation = 0
    await board.powerCycle()
  }
}

/** Leaves a board in its loader, as somebody does who holds BOOT and taps RESET. */
export async function holdInLoader({ rfc2217Url }: VirtualBoard): Promise<void> {
  const system = testSystem()
  const link = await openLink(rfc2217Url, { baud: 115_200 }, system)
  const [strategy] = downloadStrategies(link)
  if (strategy) await applyReset(link, strategy, system.clock)
  await system.clock.sleep(300)
  await link.close()
}
