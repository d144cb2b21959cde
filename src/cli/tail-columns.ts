import { measureOf, type UnitSystem } from '../timebase/units.js'
import type { TailColumn } from './render/tail.js'

/** Columns of station_status that would push everything else off the screen; json has them. */
const wordy = new Set(['oldest_queued', 'runtime', 'address', 'free_heap', 'reset_reason'])

const titles: Record<string, string> = {
  temperature: 'Air',
  humidity: 'Humidity',
  pressure: 'Pressure',
  case_temperature: 'Case',
  dew_point: 'Dew',
  sea_level_pressure: 'Sea level',
  boot: 'Boot',
  uptime: 'Up s',
  clock: 'Clock',
  queued: 'Queued',
  dropped: 'Dropped',
  refused: 'Refused',
  sensor_errors: 'Sensor err',
  upload_errors: 'Upload err',
  rssi: 'dBm',
  station: 'Code',
  tls: 'TLS',
  last_error: 'Last error',
}
const widths: Record<string, number> = { uptime: 8, clock: 5, tls: 8, last_error: 24, station: 8 }

/** The columns of the table, of those fields that fit on a screen. */
export function tailColumns(fields: string[], units: UnitSystem): TailColumn[] {
  return fields
    .filter((field) => !wordy.has(field))
    .map((field) => {
      const measure = measureOf(field, units)
      const name = titles[field] ?? field
      const title = measure ? `${name} ${measure.unit}` : name
      const least = measure ? 7 : (widths[field] ?? 5)
      return { field, title, digits: measure?.digits, width: Math.max([...title].length, least) }
    })
}
