import type { Event, Report, StageName } from '../../events.js'
import type { System } from '../../system.js'
import { failureLines } from './errors.js'
import { factLines } from './facts.js'
import { harmlessLine } from './harmless.js'
import { makeLiveBlock } from './live-block.js'
import { noticeText, summaryTexts } from './notices.js'
import type { Paint } from './paint.js'
import { progressText } from './progress.js'
import { doneText, stageLabel, waitingText } from './stages.js'
import { fact, widthOf, wrapFact } from './tables.js'

/** Live lines for people, on stderr: one a board while it works, replaced by one that stays. */
export interface Pretty {
  report: Report
  /** Clears live lines before data or a question is printed. */
  pause(): void
  end(): void
}

export interface PrettyOptions {
  live: boolean
  /** A script that reads stdout wants notices in its log, and nothing that moves. */
  says: 'everything' | 'notices' | 'nothing'
  debug: boolean
}

/** Off a terminal a wait says so this often: enough for a log, not a flood. */
const waitingLineMs = 30_000
/** Progress without a step for so long tells it: the longest healthy one is a slow chip's erase. */
const stallMs = 5000
const stallTurnMs = 1000
/** Without these nobody could go on: they are said even where nothing else is. */
const questions = new Set(['device-code'])
/** Off a terminal nobody watches a spinner: a record that comes at once needs no line before it. */
const quietStartMs = 2000

export function makePretty(
  system: System,
  paint: Paint,
  { live, says, debug }: PrettyOptions,
): Pretty {
  const block = makeLiveBlock(system, live)
  const started = new Map<string, { stage: StageName; atMs: number }>()
  const waitingSaid = new Map<string, { reason: string; atMs: number }>()
  /** What ends the watch over each board's last step. */
  const watches = new Map<string, () => void>()

  const print = (lines: string[], board?: string): void =>
    block.print(
      lines.map((line) => harmlessLine(board ? `${paint.dim(`${board}  `)}${line}` : line)),
    )

  /** A log keeps a fact on one line: only a terminal would break it inside a word. */
  const factWidth = (board: string): number => {
    if (!system.terminal.stderr.isTTY) return Number.POSITIVE_INFINITY
    return system.terminal.columns() - (board ? widthOf(board) + 2 : 0)
  }
  /** What a live line has beside the board's name and the stage's label. */
  const roomFor = (board: string): number =>
    system.terminal.columns() - 1 - widthOf(fact('', '')) - (board ? widthOf(board) + 2 : 0)
  /** How long this board's stage has been running; begins to count at its first event. */
  const elapsed = (board: string, stage: StageName): number => {
    const now = system.clock.monotonic()
    const before = started.get(board)
    if (before?.stage === stage) return now - before.atMs
    started.set(board, { stage, atMs: now })
    return 0
  }
  const show = (board: string, stage: StageName, text: string, spins: boolean): void => {
    const line = fact(stageLabel(stage), text)
    block.set(board, harmlessLine(board ? `${board}  ${line}` : line), spins)
  }
  const unwatch = (board: string): void => {
    watches.get(board)?.()
    watches.delete(board)
  }
  const progress = (board: string, event: Event & { type: 'progress' }): void => {
    const { stage } = event
    const takenMs = elapsed(board, stage)
    const atMs = system.clock.monotonic()
    show(board, stage, progressText(event, takenMs, paint, roomFor(board)), false)
    if (!live) return
    const tell = (): void => {
      const silentMs = system.clock.monotonic() - atMs
      show(board, stage, progressText(event, takenMs, paint, roomFor(board), silentMs), false)
      watches.set(board, system.clock.timer(stallTurnMs, tell))
    }
    watches.set(board, system.clock.timer(stallMs, tell))
  }
  const wait = (board: string, { stage, reason, elapsedMs }: Event & { type: 'waiting' }): void => {
    const text = waitingText(reason, elapsedMs)
    if (live) {
      show(board, stage, text, true)
      return
    }
    if (stage === 'record' && elapsedMs < quietStartMs) return
    const said = waitingSaid.get(board)
    const now = system.clock.monotonic()
    if (said?.reason === reason && now - said.atMs < waitingLineMs) return
    waitingSaid.set(board, { reason, atMs: now })
    print([fact(stageLabel(stage), text)], board)
  }

  const report = (event: Event): void => {
    if (event.type === 'debug') {
      if (debug) print([paint.dim(`[${event.area}] ${event.text}`)])
      return
    }
    const isQuestion = event.type === 'notice' && questions.has(event.notice)
    if (says === 'nothing' && !isQuestion) return
    if (says === 'notices' && event.type !== 'notice') return
    const board = 'board' in event ? (event.board ?? '') : ''
    unwatch(board)
    switch (event.type) {
      case 'notice':
        print([`${paint.caution('!')} ${noticeText(event.notice, event.values ?? {})}`], board)
        break
      case 'summary':
        print([`  ${summaryTexts[event.summary](event.values)}`])
        break
      case 'fact':
        print(
          factLines(event.fact, paint).flatMap((line) => wrapFact(line, factWidth(board))),
          board,
        )
        break
      case 'stage':
        elapsed(board, event.stage)
        show(board, event.stage, paint.dim('…'), true)
        break
      case 'progress':
        progress(board, event)
        break
      case 'waiting':
        wait(board, event)
        break
      case 'done':
        block.remove(board)
        started.delete(board)
        print([`${paint.good('✔')} ${doneText(event)}`], board)
        break
      case 'failed':
        block.remove(board)
        started.delete(board)
        print(failureLines(event.error, paint), board)
    }
  }
  const rest = (): void => {
    for (const board of [...watches.keys()]) unwatch(board)
  }
  const pause = (): void => {
    rest()
    block.pause()
  }
  const end = (): void => {
    rest()
    block.end()
  }
  return { report, pause, end }
}
