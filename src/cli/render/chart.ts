import type { Series } from '../../timebase/series.js'

/** One panel: a field of some stations over a time range. */
export interface Chart {
  /** "Air temperature" */
  title: string
  unit: string
  digits: number
  series: (Series & { name: string })[]
  fromMs: number
  toMs: number
  utc: boolean
}

/** The outermost values of all series. */
export function valueRange({ series }: Chart): { low: number; high: number } {
  return {
    low: Math.min(...series.map(({ low }) => low)),
    high: Math.max(...series.map(({ high }) => high)),
  }
}
