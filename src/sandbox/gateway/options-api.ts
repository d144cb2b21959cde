import { parseBody } from './jackson.js'
import { controller, JavaError, missingParameter, serverRefused } from './java-error.js'
import { empty, json, type Reply } from './reply.js'
import type { Request, Route } from './request.js'
import type { Stream } from './store/stream.js'
import { interval, isoTime } from './time.js'

export const nameOf = ({ key, definition }: Stream): string => definition.options.title ?? key

export const rangeOf = (range: { start: number; end: number } | undefined): object => ({
  start: range ? isoTime(range.start) : null,
  end: range ? isoTime(range.end) : null,
})

function options(request: Request): Reply {
  request.allowRead()
  const stream = request.shared.store.get(request.path.stream ?? '')
  return stream ? json(JSON.stringify(optionsOf(stream))) : empty(400)
}

function optionsOf(stream: Stream): object {
  const { options: kept } = stream.definition
  const found = interval(kept.periodicity)
  return {
    key: stream.key,
    name: nameOf(stream),
    description: kept.comment ?? '',
    distributionFactor: kept.distributionFactor > 0 ? String(kept.distributionFactor) : 'MAX',
    scope: kept.scope,
    periodicity: {
      interval: found ? kept.periodicity : null,
      type: found ? 'REGULAR' : kept.periodicity,
      milliseconds: found?.ms ?? 0,
    },
    highAvailability: kept.highAvailability,
    owner: null,
    version: null,
    range: rangeOf(stream.range()),
  }
}

async function changeOptions(request: Request): Promise<Reply> {
  request.needJson()
  const body = parseBody(request.body, 'com.epam.deltix.tbwg.webapp.model.input.StreamOptions')
  request.allowWrite()
  const stream = request.shared.store.get(request.path.stream ?? '')
  if (!stream) return empty(400)
  const { name, description, periodicity } = body
  await request.shared.store.change(stream, {
    ...(typeof name === 'string' && { title: name }),
    ...(typeof description === 'string' && { comment: description }),
    ...(typeof (periodicity as { type?: unknown } | null)?.type === 'string' && {
      periodicity: periodicityText(periodicity as { type: string; interval?: string | null }),
    }),
  })
  if (typeof body.key === 'string' && body.key !== '' && body.key !== stream.key) {
    if (request.shared.store.get(body.key)) throw taken(body.key)
    await request.shared.store.rename(stream, body.key)
  }
  return json(JSON.stringify(optionsOf(stream)))
}

const periodicityText = (one: { type: string; interval?: string | null }): string =>
  one.type === 'REGULAR' ? (one.interval ?? 'IRREGULAR') : one.type

const taken = (key: string): JavaError => serverRefused(`Stream with key '${key}' already exists.`)

function symbolOptions(request: Request): Reply {
  request.allowRead()
  const stream = request.shared.store.get(request.path.stream ?? '')
  const symbol = stream?.symbol(request.path.symbol ?? '')
  if (!stream || !symbol) return empty(400)
  const { range: streamRange, ...rest } = optionsOf(stream) as { range: object; name: string }
  return json(
    JSON.stringify({
      streamKey: stream.key,
      streamName: rest.name,
      symbolName: symbol.name,
      streamRange,
      symbolRange: rangeOf(stream.range([symbol])),
    }),
  )
}

async function rename(request: Request): Promise<Reply> {
  const boundary = /^multipart\/form-data;.*boundary="?([^";]+)/i.exec(request.contentType)?.[1]
  const part = boundary
    ? request.body
        .split(`--${boundary}`)
        .map((one) => /name="newStreamId"[\s\S]*?\r?\n\r?\n([\s\S]*?)\r?\n$/.exec(one)?.[1])
        .find((one) => one !== undefined)
    : undefined
  if (!boundary) {
    throw new JavaError(
      'org.springframework.web.multipart.MultipartException',
      'Current request is not a multipart request',
      'org.springframework.web.method.annotation.RequestParamMethodArgumentResolver.handleMissingValueInternal(RequestParamMethodArgumentResolver.java:210)',
    )
  }
  if (part === undefined) throw missingParameter('newStreamId', 'String')
  request.allowWrite()
  const stream = request.stream(controller('rename', 701))
  if (request.shared.store.get(part)) throw taken(part)
  await request.shared.store.rename(stream, part)
  return empty()
}

async function setPeriodicity(request: Request): Promise<Reply> {
  const text = request.query.get('periodicity')
  if (text === null) throw missingParameter('periodicity', 'String')
  request.allowWrite()
  const stream = request.stream(controller('setPeriodicity', 730))
  if (!/^(IRREGULAR|STATIC)$/.test(text) && !interval(text)) {
    throw new JavaError(
      'java.lang.NumberFormatException',
      `For input string: "${text.slice(0, -1)}"`,
      'java.base/java.lang.NumberFormatException.forInputString(NumberFormatException.java:67)',
      400,
    )
  }
  await request.shared.store.change(stream, { periodicity: text })
  return empty()
}

export const optionRoutes: Route[] = [
  { method: 'GET', path: ':stream/options', handle: options },
  { method: 'PUT', path: ':stream/options', handle: changeOptions },
  { method: 'GET', path: ':stream/options/:symbol', handle: symbolOptions },
  { method: 'POST', path: ':stream/rename', handle: rename },
  { method: 'POST', path: ':stream/setPeriodicity', handle: setPeriodicity },
]
