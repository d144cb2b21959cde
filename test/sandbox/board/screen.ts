import type { Clock } from '../../../src/system.js'

/** What a board has printed, and waiting for more of it. */
export interface Screen {
  /** Everything printed since the last take or clear. */
  text(): string
  clear(): void
  waitFor(text: string): Promise<string>
  /** The next `length` characters, and at most some 50 ms more of silence behind them. */
  take(length: number): Promise<string>
}

/** A screen and the way to print on it. */
export function makeScreen(clock: Clock): Screen & { show(printed: string): void } {
  let text = ''
  let changed = (): void => {}
  const until = async (isThere: () => boolean, ms: number): Promise<void> => {
    const end = clock.monotonic() + ms
    while (!isThere() && clock.monotonic() < end) {
      await new Promise<void>((resolve) => {
        const cancel = clock.timer(100, resolve)
        changed = () => {
          cancel()
          resolve()
        }
      })
    }
  }
  return {
    show(printed) {
      text += printed
      changed()
    },
    text: () => text,
    clear() {
      text = ''
    },
    async waitFor(wanted) {
      await until(() => text.includes(wanted), 15_000)
      if (!text.includes(wanted)) throw new Error(`no ${JSON.stringify(wanted)} in ${text}`)
      const end = text.indexOf(wanted) + wanted.length
      const found = text.slice(0, end)
      text = text.slice(end)
      return found
    },
    async take(length) {
      await until(() => text.length >= length, 8000)
      if (length === 0 || text.length < length) await clock.sleep(50)
      const found = text.slice(0, Math.max(length, length === 0 ? text.length : 0))
      text = text.slice(found.length)
      return found
    },
  }
}
