import type { Report } from '../events.js'
import type { System } from '../system.js'
import type { TimebaseClient } from './client.js'
import { Outage } from './outage.js'
import { readForward } from './pages.js'
import { listSymbols, streamRange } from './stream.js'

export interface TrimPlan {
  stream: string
  /** Records before this time go, epoch milliseconds. */
  before: number
  records: number
  /** Stations that lose records. */
  symbols: string[]
  first: number | undefined
}

/** TimeBase removes in the background; a large stream takes a while, and nothing waits for it. */
const patienceMs = 15_000
const pauseMs = 500

/** Counts what would be removed by reading it: the only number that is surely right. */
export async function planTrim(
  client: TimebaseClient,
  stream: string,
  before: number,
  { clock, report, signal }: { clock: System['clock']; report: Report; signal?: AbortSignal },
): Promise<TrimPlan> {
  const range = await streamRange(client, stream, signal)
  const plan: TrimPlan = { stream, before, records: 0, symbols: [], first: range?.start }
  if (!range || range.start >= before) return plan
  const symbols = new Set<string>()
  const outage = new Outage(clock)
  for await (const page of readForward(client, stream, { to: before - 1, signal }, outage)) {
    plan.records += page.records.length
    for (const { symbol } of page.records) symbols.add(symbol)
    const share = (page.cursor.time - range.start) / (before - range.start)
    report({
      type: 'progress',
      stage: 'compare',
      done: plan.records,
      total: 0,
      unit: 'records',
      share,
    })
  }
  plan.symbols = [...symbols].sort()
  return plan
}

/** Removes what the plan says. Answers whether the server was seen to be done with it. */
export async function applyTrim(
  client: TimebaseClient,
  { stream, before }: TrimPlan,
  { clock, signal }: { clock: System['clock']; signal?: AbortSignal },
): Promise<{ done: boolean; start: number | undefined }> {
  // Asked first: a purge of an unknown stream would answer the same, later and less clearly.
  await listSymbols(client, stream, signal)
  await client.post([stream, 'purge'], { safe: true, body: { timestamp: before }, stream, signal })
  const endMs = clock.monotonic() + patienceMs
  while (true) {
    const start = (await streamRange(client, stream, signal))?.start
    const done = start === undefined || start >= before
    if (done || clock.monotonic() >= endMs) return { done, start }
    await clock.sleep(pauseMs, signal)
  }
}
