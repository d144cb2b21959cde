import { missingParameter, noStreams } from './java-error.js'
import { resultType } from './qql/evaluate.js'
import { json, type Reply } from './reply.js'
import type { Request, Route } from './request.js'
import { messages } from './rows.js'
import type { Stream } from './store/stream.js'
import { isoTime } from './time.js'

type Lines = Record<string, object>

function streamOf(request: Request): Stream {
  const key = request.path.stream ?? ''
  const stream = request.shared.store.get(key)
  if (!stream) throw noStreams(`No streams [${key}] found.`, 107)
  return stream
}

/** Names of the fields that are numbers. */
function numericFields({ classes }: Stream): string[] {
  const fields = classes.flatMap((one) => one.fields)
  return fields
    .filter(({ type }) => /^(float32|float64|integer)$/.test(resultType(type.name, type.encoding)))
    .map(({ name }) => name)
}

/** A line a field; points of one `pointInterval` are thinned to the last of them. */
async function chart(request: Request): Promise<Reply> {
  const symbols = request.list('symbols')
  const start = request.time('startTime')
  const end = request.time('endTime')
  if (start === undefined) throw missingParameter('startTime', 'Instant')
  if (end === undefined) throw missingParameter('endTime', 'Instant')
  const step = Math.max(1, request.integer('pointInterval', 1000))
  request.allowRead()
  const stream = streamOf(request)
  const charts: object[] = []
  for (const symbol of symbols ?? stream.used.map(({ name }) => name)) {
    const points = new Map<string, { time: number; value: string }[]>()
    for await (const batch of messages(stream, { symbols: [symbol], from: start, to: end })) {
      for (const message of batch) {
        for (const [field, value] of stream.values(message)) {
          if (typeof value !== 'number') continue
          const list = points.get(field) ?? []
          points.set(field, list)
          const last = list.at(-1)
          if (last && Math.floor(last.time / step) === Math.floor(message.ms / step)) list.pop()
          list.push({ time: message.ms, value: String(value) })
        }
      }
    }
    const lines: Lines = {}
    for (const field of numericFields(stream)) {
      lines[`LINEAR[${field}]`] = {
        aggregationSizeMs: step,
        newWindowSizeMs: 0,
        points: points.get(field) ?? [],
      }
    }
    charts.push({
      name: `${stream.key}[${symbol}]`,
      lines,
      effectiveWindow: { start: isoTime(start), end: isoTime(end) },
    })
  }
  return json(JSON.stringify(charts))
}

function columns(request: Request): Reply {
  request.allowRead()
  return json(JSON.stringify(numericFields(streamOf(request))))
}

export const chartingRoutes: Route[] = [
  { method: 'GET', path: 'charting/dx/:stream', handle: chart },
  { method: 'GET', path: 'charting/:stream/settings/linear-chart-columns', handle: columns },
]
