import { basename } from 'node:path'
import { WxError } from '../errors.js'
import type { Station } from '../station/inventory.js'
import type { QueueLog } from '../station/queue-log.js'
import type { System } from '../system.js'
import type { RecordClass, StreamRecord } from '../timebase/schema.js'
import type { Context } from './context.js'

export interface QueueFlags {
  symbol?: string
  all?: true
}

/** The largest flash a chip of ours maps, twice: what is larger is no backup of one. */
const maxBytes = 64 * 1024 * 1024

/** The known station whose MAC is in the name of a file, as `wxstation flash` names saved queues. */
export async function stationOfFile(system: System, file: string): Promise<Station | undefined> {
  const { readInventory } = await import('../station/inventory.js')
  const digits = /(?<![0-9a-f])(?:[0-9a-f]{2}[:_-]?){5}[0-9a-f]{2}(?![0-9a-f])/i
    .exec(basename(file))?.[0]
    .replaceAll(/[:_-]/g, '')
    .toLowerCase()
  const stations = await readInventory(system)
  return stations.find(({ mac }) => mac.replaceAll(':', '').toLowerCase() === digits)
}

/**
 * The symbol under which a queue is stored, for the queue names none: --symbol, else that of the
 * station it is known to be of, else a question.
 */
export async function queueSymbol(
  { prompts }: Context,
  known: Station | undefined,
  flags: QueueFlags,
): Promise<string> {
  const wanted = flags.symbol?.trim()
  if (wanted) return wanted
  if (known) return known.symbol
  const answer = await prompts.text(
    'Symbol of the station',
    { flag: '--symbol' },
    { check: (text) => text.trim() !== '' || 'A station needs a symbol.' },
  )
  return answer.trim()
}

/** Reads a station's queue out of a saved flash. */
export async function readQueue(
  { system }: Context,
  path: string,
  flags: QueueFlags,
): Promise<QueueLog> {
  const size = (await system.files.stat(path))?.size ?? 0
  if (size > maxBytes)
    throw new WxError('FILE_INVALID', `${path} is too large for a flash: ${size} bytes.`)
  const bytes = await system.files.read(path)
  if (!bytes) throw new WxError('FILE_UNREADABLE', `There is no file "${path}".`)
  const { findQueue } = await import('../station/queue-image.js')
  const { readQueueLog } = await import('../station/queue-log.js')
  const image = findQueue(bytes, basename(path))
  return readQueueLog(image.bytes, { isPartition: image.isPartition, all: flags.all ?? false })
}

/** Says what a queue holds, and what of it is left out. */
export function reportQueue(
  { report }: Context,
  log: QueueLog,
  symbol: string,
  flags: QueueFlags,
): void {
  const { acknowledged, damaged, damagedPlaces, untimed, records } = log
  const estimated = records.filter(({ isEstimated }) => isEstimated).length
  report({
    type: 'fact',
    fact: {
      kind: 'queue',
      values: {
        ...{ symbol, all: flags.all ?? false, acknowledged, records: records.length },
        ...{ estimated, untimed, damaged, damagedPlaces },
      },
    },
  })
}

/** The queue's records as the station would have sent them to this stream. */
export function queueRecords(
  { records }: QueueLog,
  symbol: string,
  { stream, classes }: { stream: string; classes: RecordClass[] },
): StreamRecord[] {
  const type = weatherClass(stream, classes)
  return records.map(({ atMs, temperature, humidity, pressure, caseTemperature }) => ({
    symbol,
    timestamp: new Date(atMs).toISOString(),
    type,
    fields: { temperature, humidity, pressure, case_temperature: caseTemperature },
  }))
}

const fields = ['temperature', 'humidity', 'pressure', 'case_temperature']

/** The class a station writes: the stream's only one, or `weather_record`. */
function weatherClass(stream: string, classes: RecordClass[]): string {
  const found =
    classes.length === 1 ? classes[0] : classes.find(({ name }) => name === 'weather_record')
  const missing = fields.filter((name) => !found?.fields.some((field) => field.name === name))
  if (found && missing.length === 0) return found.name
  throw new WxError(
    'FILE_INVALID',
    found
      ? `The stream "${stream}" has no field "${missing.join('", "')}".`
      : `The stream "${stream}" has no class for weather records.`,
    { hint: 'Name the stream the station writes to; `wxstation stream diff` compares it.' },
  )
}
