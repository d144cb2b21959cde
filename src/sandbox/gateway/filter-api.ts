import { controller, JavaError } from './java-error.js'
import { spacedTimeValue } from './qql/time-literal.js'
import type { Reply } from './reply.js'
import type { Request, Route } from './request.js'
import { messages } from './rows.js'
import { arrayText, fromBody, limitOf } from './select-api.js'
import type { Stream } from './store/stream.js'
import { instant } from './time.js'
import type { Value } from './values.js'

interface Filter {
  type: string
  data: string[]
}

type Test = (value: Value, data: string[]) => boolean

const order = (value: Value, text: string): number => {
  if (typeof value === 'string') return value < text ? -1 : value > text ? 1 : 0
  const time = instant(text) ?? spacedTimeValue(text)
  // 32-bit fields are compared with what 32 bits make of the number.
  return Number(value) - (time ?? Math.fround(Number(text)))
}
const equals = (value: Value, text: string): boolean =>
  typeof value === 'boolean' ? String(value) === text.toLowerCase() : order(value, text) === 0

const tests: Record<string, Test> = {
  EQUAL: (value, [text = '']) => equals(value, text),
  NOTEQUAL: (value, [text = '']) => !equals(value, text),
  IN: (value, data) => data.some((text) => equals(value, text)),
  NOT_IN: (value, data) => !data.some((text) => equals(value, text)),
  GREATER: (value, [text = '']) => order(value, text) > 0,
  NOTGREATER: (value, [text = '']) => order(value, text) <= 0,
  LESS: (value, [text = '']) => order(value, text) < 0,
  NOTLESS: (value, [text = '']) => order(value, text) >= 0,
  BETWEEN: (value, [low = '', high = '']) => order(value, low) >= 0 && order(value, high) <= 0,
  NOTNULL: () => true,
  STARTS_WITH: (value, [text = '']) => String(value).startsWith(text),
  ENDS_WITH: (value, [text = '']) => String(value).endsWith(text),
  CONTAINS: (value, [text = '']) => String(value).includes(text),
  NOT_CONTAINS: (value, [text = '']) => !String(value).includes(text),
}

const model = 'com.epam.deltix.tbwg.webapp.model.input.FilterRequest'

function filter(request: Request): Reply {
  request.needJson()
  const body = fromBody(request.body, model)
  request.allowRead()
  const stream = request.stream(controller('filter', 1010))
  const filters = Object.entries((body.filters ?? {}) as Record<string, Filter[]>)
  const fields = new Set(stream.classes.flatMap((one) => one.fields.map(({ name }) => name)))
  for (const [field, list] of filters) {
    if (!fields.has(field) && field !== 'symbol' && field !== 'timestamp') {
      return {
        status: 400,
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ type: 'NoSuchField', field }),
      }
    }
    for (const one of list) if (!isUsable(one)) throw unusable(one)
  }
  const rows = filtered(stream, filters, { ...body, limit: limitOf(body.rows) })
  return {
    status: 200,
    headers: { 'Content-Type': 'application/json;charset=UTF-8' },
    body: arrayText(rows),
  }
}

const isUsable = ({ type, data }: Filter): boolean =>
  tests[type] !== undefined && (type === 'NOTNULL' || (Array.isArray(data) && data.length > 0))

/** NULL needs data that it then has no use for: broken on the real server as well. */
function unusable({ type }: Filter): JavaError {
  return tests[type]
    ? new JavaError(
        'java.lang.IndexOutOfBoundsException',
        'Index 0 out of bounds for length 0',
        'java.base/jdk.internal.util.Preconditions.outOfBounds(Preconditions.java:100)',
      )
    : new JavaError(
        'java.lang.IllegalStateException',
        `Unknown filter type ${type}`,
        'com.epam.deltix.tbwg.webapp.services.timebase.FilterServiceImpl.create(FilterServiceImpl.java:88)',
      )
}

async function* filtered(
  stream: Stream,
  filters: [string, Filter[]][],
  range: Parameters<typeof messages>[1] & { offset: number; limit: number },
): AsyncGenerator<string[]> {
  let toSkip = Math.max(0, range.offset)
  let left = range.limit
  for await (const batch of messages(stream, range)) {
    const found: string[] = []
    for (const message of batch) {
      const start = message.fields.at
      const values = stream.values(message)
      message.fields.at = start
      values.set('symbol', stream.symbols[message.symbol]?.name ?? '')
      values.set('timestamp', message.ms)
      const fits = filters.every(([field, list]) => {
        const value = values.get(field) ?? null
        return value !== null && list.every(({ type, data }) => tests[type]?.(value, data ?? []))
      })
      if (!fits || toSkip-- > 0) continue
      if (left-- <= 0) break
      found.push(stream.text(message))
    }
    if (found.length > 0) yield found
    if (left <= 0) return
  }
}

export const filterRoutes: Route[] = [{ method: 'POST', path: ':stream/filter', handle: filter }]
