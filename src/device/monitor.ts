import { isAbort, WxError } from '../errors.js'
import type { System } from '../system.js'
import type { Link } from './link.js'

export interface ConsoleLine {
  /** Epoch milliseconds at which its end came in. */
  atMs: number
  text: string
  /** What a known line of the chip means, for people. */
  meaning?: string
}

export interface MonitorOptions {
  open: () => Promise<Link>
  signal: AbortSignal
  onLost: (error: WxError) => void
  onBack: () => void
}

// A board that resets over its own USB is back within a second, a person with a cable in ten.
const reopenMs = 1000

/** What the ROM, ESP-IDF and MicroPython print when something is wrong. */
const meanings: [RegExp, string][] = [
  [/Brownout detector was triggered/, 'the supply voltage fell: another cable or supply helps'],
  [/invalid header: 0x/, 'no firmware where the chip looks for it: run `wxstation flash`'],
  [/Guru Meditation Error/, 'the firmware itself crashed'],
  [
    /task_wdt|Task watchdog got triggered|TG\dWDT_SYS_RESET|RTCWDT/,
    'a watchdog restarted the chip',
  ],
  [/waiting for download/, 'the chip waits for a firmware: tap RESET'],
  [/MemoryError/, 'the heap is full'],
  [/^wx error crash/, "the station's code stopped; last_error.json on the board has the traceback"],
]

/** The board's console, line by line, without resetting it; comes back after a lost port. */
export async function* consoleLines(
  { open, signal, onLost, onBack }: MonitorOptions,
  system: System,
): AsyncGenerator<ConsoleLine> {
  let isLost = false
  while (!signal.aborted) {
    let link: Link | undefined
    try {
      link = await open()
      if (isLost) onBack()
      isLost = false
      yield* linesOf(link, signal, system)
    } catch (error) {
      if (signal.aborted || isAbort(error)) return
      // The first failure to open is the user's to mend; later ones are a board on its way back.
      const lost = error instanceof WxError && error.code === 'PORT_LOST'
      if (!lost && !isLost) throw error
      if (!isLost) onLost(error as WxError)
      isLost = true
      await system.clock.sleep(reopenMs, signal).catch(() => {})
    } finally {
      await link?.close()
    }
  }
}

async function* linesOf(
  link: Link,
  signal: AbortSignal,
  system: System,
): AsyncGenerator<ConsoleLine> {
  const decoder = new TextDecoder()
  let rest = ''
  while (true) {
    rest += decoder.decode(await link.read(1000, signal), { stream: true })
    const lines = rest.split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) yield described(line.replace(/\r$/, ''), system.clock.now())
  }
}

export function described(text: string, atMs: number): ConsoleLine {
  const meaning = meanings.find(([pattern]) => pattern.test(text))?.[1]
  return { atMs, text, ...(meaning !== undefined && { meaning }) }
}
