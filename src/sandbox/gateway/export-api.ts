import { controller, JavaError, missingBody, missingParameter, noStreams } from './java-error.js'
import { resultType } from './qql/evaluate.js'
import { valueText } from './qql/run.js'
import { empty, json, type Reply } from './reply.js'
import type { Request, Route } from './request.js'
import { messages } from './rows.js'
import { fromBody } from './select-api.js'
import type { Stream } from './store/stream.js'
import { clockText, isoTime } from './time.js'
import type { Value } from './values.js'
import { dosTime, zip } from './zip.js'

const model = 'com.epam.deltix.tbwg.webapp.model.input.ExportStreamRequest'

// Exports that nobody fetched; the server then hands out no more until it is restarted.
const maxWaiting = 4

interface Column {
  type: string
  field: string
  show: (value: Value) => string
}

async function exportStreams(request: Request): Promise<Reply> {
  if (request.body === '') throw missingBody(controller('export', 1105))
  request.needJson()
  const body = fromBody(request.body, model)
  request.allowRead()
  const streams = streamsOf(request, body.streams)
  if (body.format !== 'CSV') {
    throw new JavaError(
      'java.lang.UnsupportedOperationException',
      `Export format ${String(body.format)} is not supported by this gateway`,
      controller('export', 1112),
    )
  }
  const { exports, system } = request.shared
  if (exports.size >= maxWaiting) return json('{"id":null}')
  const columns = columnsOf(streams, body.typeList)
  const wanted = typeof body.rows === 'number' && body.rows >= 0 ? body.rows : Infinity
  const files: { name: string; bytes: Buffer }[] = []
  for (const stream of streams) {
    const groups =
      body.mode === 'FILE_PER_SYMBOL' ? stream.used.map(({ name }) => [name]) : [body.symbols]
    for (const symbols of groups) {
      const suffix = body.mode === 'FILE_PER_SYMBOL' ? `_${symbols?.[0]}` : ''
      const lines = await csv(stream, columns, { ...body, symbols }, wanted)
      files.push({ name: `${stream.key}${suffix}.csv`, bytes: Buffer.from(lines) })
    }
  }
  const id = `${Buffer.from(system.randomBytes(8)).readBigUInt64LE().toString(36)}_${exports.size}`
  const name = streams.length === 1 ? `${streams[0]?.key}.zip` : 'export.zip'
  exports.set(id, { name, bytes: zip(files, dosTime(request.now)) })
  return json(JSON.stringify({ id }))
}

function streamsOf(request: Request, keys: string[] | undefined): Stream[] {
  if (request.path.stream !== undefined) return [request.stream(controller('export', 1108))]
  const found = (keys ?? []).flatMap((key) => request.shared.store.get(key) ?? [])
  if (found.length === 0) throw noStreams('No streams provided in request.', 98)
  return found
}

/** `class.field` columns, as asked for or all of them. */
function columnsOf(streams: Stream[], asked: unknown): Column[] {
  const columns: Column[] = []
  for (const { classes } of streams) {
    for (const { name, fields } of classes) {
      const wanted = Array.isArray(asked)
        ? (asked as { name: string; fields?: string[] }[]).find((one) => one.name === name)
        : { name, fields: fields.map((field) => field.name) }
      if (!wanted) continue
      if (!wanted.fields) {
        throw new JavaError('java.lang.NullPointerException', null, controller('export', 1120))
      }
      for (const { name: field, type } of fields) {
        if (
          !wanted.fields.includes(field) ||
          columns.some((one) => one.type === name && one.field === field)
        )
          continue
        const kind = resultType(type.name, type.encoding)
        columns.push({
          type: name,
          field,
          show: (value) => quoted(valueText(kind, value).replace(/^"(.*)"$/s, '$1')),
        })
      }
    }
  }
  return columns
}

const quoted = (text: string): string =>
  /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text

async function csv(
  stream: Stream,
  columns: Column[],
  body: Parameters<typeof messages>[1] & Record<string, unknown>,
  limit: number,
): Promise<string> {
  const separator = typeof body.valueSeparator === 'string' ? body.valueSeparator : ','
  const pattern =
    typeof body.datetimeFormat === 'string' ? body.datetimeFormat : "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'"
  const lines = [['symbol', 'timestamp', ...columns.map(({ type, field }) => `${type}.${field}`)]]
  const types = [...new Set(columns.map(({ type }) => type))]
  const query = { symbols: body.symbols, from: body.from, to: body.to, types }
  for await (const batch of messages(stream, query, 0, limit)) {
    for (const message of batch) {
      const values = stream.values(message)
      const own = stream.classes[message.classIndex]?.name
      lines.push([
        quoted(stream.symbols[message.symbol]?.name ?? ''),
        formatted(message.ms, pattern),
        ...columns.map(({ type, field, show }) => {
          const value = type === own ? (values.get(field) ?? null) : null
          return value === null ? '' : show(value)
        }),
      ])
    }
  }
  return lines.map((line) => `${line.join(separator)}\n`).join('')
}

/** The letters of Java's date patterns that make sense for a station. */
function formatted(ms: number, pattern: string): string {
  const iso = isoTime(ms)
  const parts: Record<string, string> = {
    yyyy: iso.slice(0, 4),
    MM: iso.slice(5, 7),
    dd: iso.slice(8, 10),
    HH: iso.slice(11, 13),
    mm: iso.slice(14, 16),
    ss: iso.slice(17, 19),
    SSS: clockText(ms % 1000).slice(-3),
  }
  return pattern.replace(/'([^']*)'|yyyy|MM|dd|HH|mm|ss|SSS/g, (all, text) =>
    text === undefined ? (parts[all] ?? all) : (text as string),
  )
}

function download({ query, shared }: Request): Reply {
  const id = query.get('id')
  if (id === null) throw missingParameter('id', 'String')
  const found = shared.exports.get(id)
  if (!found) return empty(404)
  shared.exports.delete(id)
  return {
    status: 200,
    headers: {
      'Content-Disposition': `attachment;filename=${found.name}`,
      'Content-Type': 'application/octet-stream',
    },
    body: found.bytes,
  }
}

export const exportRoutes: Route[] = [
  { method: 'POST', path: 'export', handle: exportStreams },
  { method: 'POST', path: ':stream/export', handle: exportStreams },
  { method: 'GET', path: 'download', handle: download },
]
