import type { Clock } from '../../../system.js'

export const heartbeatMs = 10_000

// monitors of one gateway; further ones wait without a word.
const maxMonitors = 50

/** A connection with what its heart-beat depends on: monotonic times and intervals, 0 = none. */
export interface Beating {
  heardAt: number
  writtenAt: number
  readMs: number
  writeMs: number
  beat(): void
  giveUp(): void
}

/** What all STOMP sessions of a gateway share. */
export class StompBroker {
  /** Monitors that have a place, each with what stops it. */
  private readonly running = new Map<() => void, () => void>()
  private readonly waiting: (() => void)[] = []
  private readonly beating = new Set<Beating>()
  private readonly started: number
  private cancelRound: (() => void) | undefined
  private messages = 0
  private changes = 0

  constructor(private readonly clock: Clock) {
    this.started = clock.monotonic()
  }

  nextMessage(): number {
    return this.messages++
  }

  nextChange(): number {
    return this.changes++
  }

  /** Starts a monitor when there is room for it; the answer ends it. */
  admit(start: () => () => void): () => void {
    let stop: (() => void) | undefined
    let isOver = false
    const begin = (): void => {
      if (isOver) return
      stop = start()
      this.running.set(begin, stop)
    }
    if (this.running.size < maxMonitors) begin()
    else this.waiting.push(begin)
    return () => {
      isOver = true
      stop?.()
      if (this.running.delete(begin)) this.waiting.shift()?.()
    }
  }

  /** TimeBase restarted: monitors say nothing more, keep their places, and nobody is told. */
  deafen(): void {
    for (const stop of this.running.values()) stop()
  }

  /** Keeps a session's heart-beats until the answer is called. */
  keepBeating(session: Beating): () => void {
    this.beating.add(session)
    this.nextRound()
    return () => {
      this.beating.delete(session)
      if (this.beating.size > 0) return
      this.cancelRound?.()
      this.cancelRound = undefined
    }
  }

  /**
   * Spring's broker goes round all sessions every ten seconds and beats for those whose last write
   * is more than an interval old: one that wrote just after the round before waits for the next
   * round, so that 20 s of silence are nothing unusual.
   */
  private nextRound(): void {
    const wait = heartbeatMs - ((this.clock.monotonic() - this.started) % heartbeatMs)
    this.cancelRound ??= this.clock.timer(wait, () => {
      this.cancelRound = undefined
      const now = this.clock.monotonic()
      for (const one of [...this.beating]) {
        if (one.readMs > 0 && now - one.heardAt > one.readMs) one.giveUp()
        else if (one.writeMs > 0 && now - one.writtenAt > one.writeMs) one.beat()
      }
      if (this.beating.size > 0) this.nextRound()
    })
  }
}
