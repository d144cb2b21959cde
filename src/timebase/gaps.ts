/** What one record shows about its station's rhythm. */
export interface Rhythm {
  /** Distance to the record before it, where that is too long for this station. */
  gapMs?: number
  /** What the station's own rhythm let expect; given with a gap. */
  expectedMs?: number
  /** How far this record lies before the one shown before it. */
  backMs?: number
}

/** A record may be this many intervals away from the one before it (ux.md). */
const gapFactor = 2.5
/** Distances kept to learn an interval: one outage among five does not move their median. */
const memory = 5

interface Station {
  lastMs: number
  distances: number[]
  /** What the distances let expect; undefined until three are known. */
  interval: number | undefined
}

/** Which rhythm a stream's records have. */
interface Kind {
  /** Records this close to each other are one. */
  sameMs: number
  /** What the last distances let expect. */
  usual(distances: number[]): number | undefined
}

/** Learns each station's own interval and notices gaps and steps back. */
export class Watch {
  readonly #stations = new Map<string, Station>()
  readonly #kind: Kind

  constructor(kind = measured) {
    this.#kind = kind
  }

  /** Takes the time of one record. Records with equal times say nothing about the rhythm. */
  observe(symbol: string, ms: number): Rhythm {
    const station = this.#stations.get(symbol)
    if (!station) {
      this.#stations.set(symbol, { lastMs: ms, distances: [], interval: undefined })
      return {}
    }
    const distance = ms - station.lastMs
    const expectedMs = station.interval
    station.lastMs = ms
    if (distance < 0) return { backMs: -distance }
    if (distance <= this.#kind.sameMs) return {}
    station.distances.push(distance)
    if (station.distances.length > memory) station.distances.shift()
    // One more of the usual value leaves it where it is.
    if (distance !== expectedMs) station.interval = this.#kind.usual(station.distances)
    if (expectedMs !== undefined && distance > gapFactor * expectedMs) {
      return { gapMs: distance, expectedMs }
    }
    return {}
  }

  /** The usual distance between two records of a station; undefined until three are known. */
  interval(symbol: string): number | undefined {
    return this.#stations.get(symbol)?.interval
  }
}

function median(distances: number[]): number | undefined {
  if (distances.length < 3) return undefined
  const sorted = [...distances].sort((a, b) => a - b)
  return sorted[sorted.length >> 1]
}

const measured: Kind = { sameMs: 0, usual: median }

/** A station that was told nothing else says how it is once a minute (design.md). */
export const statusMs = 60_000

/**
 * What stations say about themselves comes at an even rhythm, and at each fault between, several of
 * them at once. An outage is longer, but only one of the last few.
 */
export const told: Kind = {
  sameMs: 1000,
  usual(distances) {
    if (distances.length < 3) return undefined
    const [, second = 0] = [...distances].sort((a, b) => b - a)
    return Math.max(statusMs, second)
  },
}

/**
 * What no weather can be. Air: the records of the World Meteorological Organization are
 * -89.2 and 56.7 °C. Humidity: a share. Pressure and case: the range of the BMP180
 * (Bosch BST-BMP180-DS000, table 1); the summit of Everest has some 337 hPa.
 */
const physicalLimits = [
  { name: 'temperature', low: -90, high: 60 },
  { name: 'humidity', low: 0, high: 100 },
  { name: 'pressure', low: 300, high: 1100 },
  { name: 'case_temperature', low: -40, high: 85 },
]
const none: readonly string[] = []

/** Names of the fields of a record whose values are outside physical limits. */
export function suspects(row: Record<string, unknown>): readonly string[] {
  let found: string[] | undefined
  for (const { name, low, high } of physicalLimits) {
    const value = row[name]
    if (typeof value !== 'number' || (value >= low && value <= high)) continue
    found ??= []
    found.push(name)
  }
  return found ?? none
}
