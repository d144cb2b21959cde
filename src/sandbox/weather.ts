/** The air outside and the box the board sits in. */
export interface Conditions {
  /** °C. */
  temperature: number
  /** %RH. */
  humidity: number
  /** hPa at the station. */
  pressure: number
  /** °C inside the case: the board warms it. */
  caseTemperature: number
}

export interface Weather {
  /** The conditions at a time, milliseconds since 1970; always the same for the same seed. */
  at(ms: number): Conditions
}

const dayMs = 86_400_000
const yearMs = 365.25 * dayMs

/** Repeatable weather of a mild place: a year, a day, fronts of some days, gusts of minutes. */
export function makeWeather(seed = 1): Weather {
  const front = noise(seed, 2.5 * dayMs)
  const cloud = noise(seed + 1, 1.5 * 3_600_000)
  const gust = noise(seed + 2, 90_000)
  return {
    at(ms) {
      const season = -Math.cos((2 * Math.PI * (ms - 20 * dayMs)) / yearMs)
      // Warmest at 15:00 UTC, coldest at 3:00.
      const day = -Math.cos((2 * Math.PI * (ms - 3 * 3_600_000)) / dayMs)
      const storm = front(ms)
      const temperature =
        11 + 9 * season + 4.5 * day * (1 - 0.4 * storm) + 2 * storm + cloud(ms) + 0.15 * gust(ms)
      const humidity = 68 - 16 * day + 14 * storm - 3 * cloud(ms) + 0.6 * gust(ms)
      return {
        temperature,
        humidity: Math.min(99.9, Math.max(12, humidity)),
        pressure: 1009 - 11 * storm + 0.7 * cloud(ms) + 0.03 * gust(ms),
        caseTemperature: temperature + 3.2 + 0.8 * day,
      }
    },
  }
}

/** Smooth noise between -1 and 1 that changes within about `period`. */
function noise(seed: number, period: number): (ms: number) => number {
  return (ms) => {
    const at = ms / period
    const cell = Math.floor(at)
    const part = at - cell
    const smooth = part * part * (3 - 2 * part)
    return value(seed, cell) * (1 - smooth) + value(seed, cell + 1) * smooth
  }
}

function value(seed: number, cell: number): number {
  let hash = Math.imul(seed ^ 0x9e37_79b9, 0x85eb_ca6b) ^ Math.imul(cell | 0, 0xc2b2_ae35)
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b_3c6d)
  hash = Math.imul(hash ^ (hash >>> 13), 0x297a_2d39)
  return ((hash ^ (hash >>> 16)) >>> 0) / 0x7fff_ffff - 1
}
