/**
 * Reads on while what was read is being worked on: the next page is under way before the last one
 * is printed. At most `limit` items wait, so that a slow reader stops the reading. A fault comes
 * after everything that was read before it.
 */
export async function* ahead<T>(source: AsyncGenerator<T[]>, limit: number): AsyncGenerator<T[]> {
  const waiting: T[][] = []
  let size = 0
  const state = { isOver: false, isStopped: false }
  let failure: { error: unknown } | undefined
  let wakeReader = (): void => {}
  let wakeWriter = (): void => {}

  const reading = (async () => {
    try {
      for await (const batch of source) {
        waiting.push(batch)
        size += batch.length
        wakeWriter()
        while (size >= limit && !state.isStopped) {
          await new Promise<void>((resolve) => {
            wakeReader = resolve
          })
        }
        if (state.isStopped) return
      }
    } catch (error) {
      failure = { error }
    }
    state.isOver = true
    wakeWriter()
  })()

  try {
    while (true) {
      const batch = waiting.shift()
      if (batch) {
        size -= batch.length
        wakeReader()
        yield batch
      } else if (failure) throw failure.error
      else if (state.isOver) return
      else
        await new Promise<void>((resolve) => {
          wakeWriter = resolve
        })
    }
  } finally {
    state.isStopped = true
    wakeReader()
    // Not awaited: a read that hangs must not hold up the end; it finds its reader gone.
    void reading
  }
}
