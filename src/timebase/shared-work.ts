import { WxError } from '../errors.js'
import { abortable } from './abortable.js'

interface Run<T> {
  promise: Promise<T>
  waiters: number
  stop: AbortController
}

/**
 * Work that several wait for, each as long as its own signal lets it: one who gives up takes the
 * work away from nobody, and it ends when the last one has.
 */
export class SharedWork<T> {
  #run: Run<T> | undefined

  /** Joins the work that is under way, or begins it. */
  async join(begin: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted()
    const run = this.#run ?? this.#begin(begin)
    run.waiters++
    try {
      return await (signal ? abortable(run.promise, signal) : run.promise)
    } finally {
      run.waiters--
      if (run.waiters === 0) {
        this.#forget(run)
        run.stop.abort(new WxError('INTERRUPTED', 'Nobody waits for it any more.'))
      }
    }
  }

  #begin(begin: (signal: AbortSignal) => Promise<T>): Run<T> {
    const stop = new AbortController()
    const run: Run<T> = { promise: begin(stop.signal), waiters: 0, stop }
    this.#run = run
    return run
  }

  #forget(run: Run<T>): void {
    if (this.#run === run) this.#run = undefined
  }
}
