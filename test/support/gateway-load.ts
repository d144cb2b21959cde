import { defaultOptions } from '../../src/sandbox/gateway/ddl-text.js'
import { NumberText } from '../../src/sandbox/gateway/gson.js'
import type { Field } from '../../src/sandbox/gateway/schema.js'
import { ByteWriter } from '../../src/sandbox/gateway/store/bytes.js'
import { endEntry, startMessage } from '../../src/sandbox/gateway/store/record.js'
import { Store } from '../../src/sandbox/gateway/store/store.js'
import type { Stream } from '../../src/sandbox/gateway/store/stream.js'
import type { System } from '../../src/system.js'

export interface Load {
  stream?: string
  stations: number
  records: number
  /** Milliseconds of the first record; a station has one each `stepMs`. */
  start: number
  stepMs: number
  /** Records a station sends at once: they lie side by side, as uploads leave them. */
  batch?: number
}

const fieldNames = ['temperature', 'humidity', 'pressure', 'case_temperature']

const field = (name: string): Field => ({
  name,
  title: null,
  description: null,
  type: { encoding: 'IEEE32', nullable: true, name: 'FLOAT', types: null, elementType: null },
  value: null,
  primaryKey: false,
  relativeTo: null,
  static: false,
  hide: false,
})

export const stationName = (i: number): string => `esp${i.toString(16).padStart(6, '0')}`

/**
 * Fills a gateway's folder with weather before the gateway is started: some million records in a
 * few seconds, past HTTP and JSON. Gives the time of the last record.
 */
export async function loadStations(
  folder: string,
  { stream: key = 'weather_record', stations, records, start, stepMs, batch = 5 }: Load,
  system: System,
): Promise<number> {
  const store = await Store.open(system, folder)
  const one = {
    name: 'weather_record',
    title: null,
    fields: fieldNames.map(field),
    parent: null,
    isEnum: false,
    isAbstract: false,
  }
  const stream = await store.create(key, { types: [one], all: [one] }, defaultOptions)
  if (!stream) throw new Error(`${key} is there already`)
  const fields = variants(stream)
  let written = 0
  let last = start
  for (let from = 0; written < records; from += batch) {
    await stream.commit((draft) => {
      const { out } = draft
      for (let station = 0; station < stations; station++) {
        const symbol = draft.symbol(stationName(station))
        for (let i = from; i < from + batch && written < records; i++, written++) {
          const ms = start + i * stepMs
          const at = startMessage({ symbol, ms, nanos: 0, classIndex: 0 }, out)
          out.raw(fields[(i + station) % fields.length] as Buffer)
          endEntry(at, out)
          last = Math.max(last, ms)
        }
      }
    })
  }
  await store.close()
  return last
}

/** A thousand readings of a day's course, encoded; two digits, as the sensors give them. */
function variants({ classes }: Stream): Buffer[] {
  return Array.from({ length: 1000 }, (_, i) => {
    const wave = Math.sin((i / 1000) * 2 * Math.PI)
    const values = [15 + wave * 8, 60 - wave * 20, 1013 + wave * 5, 16 + wave * 8]
    const members = fieldNames.map(
      (name, n) => [name, new NumberText((values[n] ?? 0).toFixed(1))] as const,
    )
    const out = new ByteWriter(64)
    classes[0]?.encode(new Map(members), out)
    return Buffer.from(out.view())
  })
}
