import type { System } from '../../system.js'
import { cut } from './tables.js'

export interface LiveBlock {
  /** Shows or changes one line; a spinner turns in front of it when `spins`. */
  set(key: string, line: string, spins: boolean): void
  remove(key: string): void
  /** Writes lines that stay, above the live ones. */
  print(lines: string[]): void
  /** Takes the live lines off the screen until the next change: data or a question follows. */
  pause(): void
  end(): void
}

/** ora's dots turn every 80 ms; on a terminal over a slow line that is 100 bytes a second. */
const frameMs = 80

/** The lines at the bottom of a terminal that change while work goes on; off a terminal, none. */
export function makeLiveBlock(system: System, isLive: boolean): LiveBlock {
  const { stderr } = system.terminal
  const lines = new Map<string, { line: string; spins: boolean }>()
  let frames = ['⠋']
  let frame = 0
  let drawn = 0
  let isPaused = false
  let stopTurning: (() => void) | undefined

  const clear = (): void => {
    // Cursor up and erase below: the live block is always the last thing on the screen.
    // From its first column: a terminal echoes Ctrl-C as ^C, and the cursor stands behind that.
    if (drawn > 0) stderr.write(`\r\x1b[${drawn}A\x1b[0J`)
    drawn = 0
  }
  const draw = (): void => {
    if (!isLive || isPaused) return
    const width = system.terminal.columns() - 1
    const block = [...lines.values()].map(({ line, spins }) =>
      cut(spins ? `${frames[frame % frames.length]} ${line}` : line, width),
    )
    if (block.length === 0) return
    stderr.write(`${block.join('\n')}\n`)
    drawn = block.length
  }
  const redraw = (): void => {
    clear()
    draw()
  }
  const turn = (): void => {
    stopTurning = undefined
    if (isPaused || ![...lines.values()].some(({ spins }) => spins)) return
    frame++
    redraw()
    stopTurning = system.clock.timer(frameMs, turn)
  }
  if (isLive) {
    void import('ora').then(({ spinners }) => {
      frames = spinners.dots.frames
    })
  }

  return {
    set(key, line, spins) {
      lines.set(key, { line, spins })
      if (!isLive) return
      isPaused = false
      redraw()
      if (spins) stopTurning ??= system.clock.timer(frameMs, turn)
    },
    remove(key) {
      lines.delete(key)
    },
    print(text) {
      clear()
      for (const line of text) stderr.write(`${line}\n`)
      draw()
    },
    pause() {
      isPaused = true
      stopTurning?.()
      stopTurning = undefined
      clear()
    },
    end() {
      lines.clear()
      stopTurning?.()
      stopTurning = undefined
      clear()
    },
  }
}
