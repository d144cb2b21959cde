import { WxError } from '../errors.js'
import type { Report } from '../events.js'
import type { Clock } from '../system.js'
import { CommandPort, op, syncPattern } from './commands.js'
import type { Link } from './link.js'
import { printable } from './printable.js'
import { applyReset, downloadStrategies } from './reset.js'

/**
 * A ROM answers a sync within a millisecond, once it listens: with a large capacitor at EN that is
 * 130 ms after the reset. Over a network an answer may come while a later sync is waited for.
 */
const syncEveryMs = 100
/** Half a second of a ROM that starts, on top of a network's round trip. */
const syncsPerAttempt = { serial: 5, socket: 15, rfc2217: 15 } as const
/** Where no reset follows, a board that waits in its loader has its network's round trip. */
const syncsWithoutReset = 3
/**
 * Before a reset: one that waits answers within 10 ms (a sync at 115200) and a bridge's 16 ms. Where
 * that is missed over a slow network, the answer comes after the reset.
 */
const firstLookMs = 50
/** How long a person gets to find and press two buttons before the command gives up. */
const buttonPatienceMs = 60_000

export interface ConnectOptions {
  /** False gives up after the automatic tries instead of asking for the buttons. */
  waitForButtons: boolean
  report: Report
  signal?: AbortSignal
}

/** A board that answers in download mode. */
export interface Connected {
  port: CommandPort
  /** The strategy that worked, for the next time; undefined where the board waited already. */
  strategy: string | undefined
  /** True when a stub runs already: a command that was cut short left it. */
  stubRuns: boolean
}

/**
 * Brings a board into download mode: tries whether it waits there already, then each reset
 * strategy that fits, then waits while the user holds BOOT and taps RESET.
 * Throws BOARD_SILENT with what the board printed meanwhile.
 */
export async function connectLoader(
  link: Link,
  clock: Clock,
  options: ConnectOptions,
): Promise<Connected> {
  const { report, signal } = options
  const port = new CommandPort(link, clock, signal)
  const heard: string[] = []
  const attempt = async (syncs: number, everyMs = syncEveryMs): Promise<boolean | undefined> => {
    const answered = await sync(port, syncs, everyMs)
    heard.push(printable(port.takeText()))
    return answered
  }

  const waiting = await (link.hasControlLines
    ? attempt(1, firstLookMs)
    : attempt(syncsWithoutReset))
  if (waiting !== undefined) return { port, strategy: undefined, stubRuns: waiting }
  const strategies = downloadStrategies(link)
  for (const strategy of strategies) {
    report({ type: 'debug', area: 'connect', text: `reset strategy ${strategy.name}` })
    port.clear()
    await applyReset(link, strategy, clock, signal)
    const stubRuns = await attempt(syncsPerAttempt[link.kind])
    if (stubRuns !== undefined) return { port, strategy: strategy.name, stubRuns }
  }
  if (options.waitForButtons) {
    const startMs = clock.monotonic()
    while (clock.monotonic() - startMs < buttonPatienceMs) {
      report({
        type: 'waiting',
        stage: 'connect',
        reason: 'hold-boot-tap-reset',
        elapsedMs: clock.monotonic() - startMs,
      })
      const stubRuns = await attempt(syncsWithoutReset)
      if (stubRuns !== undefined) return { port, strategy: undefined, stubRuns }
      await clock.sleep(200, signal)
    }
  }
  throw silent(link, heard.join(''))
}

/**
 * Syncs until the loader answers. A ROM answers with its own number as value, a stub with 0:
 * so the answer is whether a stub runs. Undefined when nothing answered.
 */
async function sync(
  port: CommandPort,
  tries: number,
  timeoutMs: number,
): Promise<boolean | undefined> {
  for (let n = 0; n < tries; n++) {
    await port.sendCommand(op.SYNC, syncPattern)
    const first = await syncAnswer(port, timeoutMs)
    if (!first) continue
    // Seven more follow at once; they must not be taken for answers to the next command.
    let more: Uint8Array | undefined = first
    for (let i = 0; i < 7 && more; i++) more = await syncAnswer(port, timeoutMs)
    return new DataView(first.buffer, first.byteOffset).getUint32(4, true) === 0
  }
  return undefined
}

/**
 * Finds the loader again after lost bytes: an END closes whatever frame it is in, then it is synced.
 * Throws BOARD_SILENT.
 */
export async function syncAgain(port: CommandPort): Promise<void> {
  for (let n = 0; n < 3; n++) {
    await port.link.write(Uint8Array.of(0xc0, 0xc0))
    port.clear()
    if ((await sync(port, syncsPerAttempt.serial, 500)) !== undefined) {
      port.clear()
      return
    }
  }
  throw new WxError('BOARD_SILENT', 'The board no longer answers.', {
    details: { port: port.link.url },
  })
}

async function syncAnswer(port: CommandPort, timeoutMs: number): Promise<Uint8Array | undefined> {
  while (true) {
    const packet = await port.patientPacket(timeoutMs)
    if (!packet || (packet.length >= 10 && packet[0] === 1 && packet[1] === op.SYNC)) return packet
  }
}

/** Says which of the ways not to answer this one is, from what the board printed. */
function silent(link: Link, heard: string): WxError {
  const details = { port: link.url, ...(heard && { heard: heard.slice(-500) }) }
  if (!link.hasControlLines) {
    return new WxError(
      'BOARD_SILENT',
      `The board on ${link.url} is not in download mode, and this kind of port cannot reset it.`,
      {
        hint: 'Hold BOOT, tap RESET, release BOOT, then run the command again; or use rfc2217://.',
        details,
      },
    )
  }
  const mode = /boot:0x([0-9a-f]+)/i.exec(heard)?.[1]
  if (mode !== undefined) {
    return new WxError(
      'BOARD_SILENT',
      `The board resets but starts its firmware instead of the loader (boot mode 0x${mode}).`,
      { details },
    )
  }
  if (heard.trim() !== '') {
    return new WxError('BOARD_SILENT', 'The board talks but does not enter the loader.', {
      details,
    })
  }
  return new WxError('BOARD_SILENT', `Nothing answers on ${link.url}.`, {
    hint: 'Hold BOOT, tap RESET, release BOOT, then run the command again; check that the cable carries data.',
    details,
  })
}
