export type UnitSystem = 'metric' | 'us' | 'si'

export const unitSystems: readonly UnitSystem[] = ['metric', 'us', 'si']

interface Measure {
  unit: string
  digits: number
  /** From the stored unit (°C, %RH, hPa, m) to this one. */
  from(value: number): number
}

type Kind = 'temperature' | 'humidity' | 'pressure'

const same = (value: number): number => value
const measures: Record<UnitSystem, Record<Kind, Measure>> = {
  metric: {
    temperature: { unit: '°C', digits: 1, from: same },
    humidity: { unit: '%', digits: 1, from: same },
    pressure: { unit: 'hPa', digits: 1, from: same },
  },
  us: {
    temperature: { unit: '°F', digits: 1, from: (celsius) => celsius * 1.8 + 32 },
    humidity: { unit: '%', digits: 1, from: same },
    // 1 inHg = 33.863 886 hPa at 0 °C (NIST SP 811, appendix B.8).
    pressure: { unit: 'inHg', digits: 2, from: (hectopascal) => hectopascal / 33.863886 },
  },
  si: {
    temperature: { unit: 'K', digits: 2, from: (celsius) => celsius + 273.15 },
    humidity: { unit: '%', digits: 1, from: same },
    pressure: { unit: 'Pa', digits: 0, from: (hectopascal) => hectopascal * 100 },
  },
}

const kinds: Record<string, Kind> = {
  temperature: 'temperature',
  case_temperature: 'temperature',
  dew_point: 'temperature',
  humidity: 'humidity',
  pressure: 'pressure',
  sea_level_pressure: 'pressure',
}

/** How a field is shown in a system of units; undefined for a field that has none. */
export function measureOf(field: string, system: UnitSystem): Measure | undefined {
  const kind = kinds[field]
  return kind && measures[system][kind]
}

/** Turns the values of a record in place from the stored units to the chosen ones. */
export function convertUnits(row: Record<string, unknown>, system: UnitSystem): void {
  if (system === 'metric') return
  for (const field in kinds) {
    const value = row[field]
    const measure = measureOf(field, system)
    if (typeof value !== 'number' || !measure) continue
    // Six decimals are beyond any sensor and keep 32-bit noise out of a script's numbers.
    row[field] = Math.round(measure.from(value) * 1e6) / 1e6
  }
}
