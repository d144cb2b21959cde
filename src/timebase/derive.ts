/**
 * Dew point in °C from air temperature (°C) and relative humidity (%), by the Magnus formula
 * with the constants of Sonntag (1990): within 0.1 °C from -45 to 60 °C. Undefined where a
 * dew point has no meaning (humidity 0 or values beyond the formula's range).
 */
export function dewPoint(celsius: number, humidity: number): number | undefined {
  if (!(humidity > 0 && humidity <= 100 && celsius >= -45 && celsius <= 60)) return undefined
  const b = 17.62
  const c = 243.12
  const gamma = Math.log(humidity / 100) + (b * celsius) / (c + celsius)
  return (c * gamma) / (b - gamma)
}

/**
 * Pressure reduced to sea level in hPa, by the barometric formula with the station's own air
 * temperature (°C) and the standard lapse of 0.0065 K/m (ICAO Doc 7488).
 */
export function seaLevelPressure(hectopascal: number, meters: number, celsius: number): number {
  const drop = 0.0065 * meters
  return hectopascal * (1 - drop / (celsius + drop + 273.15)) ** -5.257
}

/** Adds `dew_point` and, where the station's height is known, `sea_level_pressure` to a record. */
export function derive(row: Record<string, unknown>, heightMeters?: number): void {
  const { temperature, humidity, pressure } = row
  if (typeof temperature === 'number' && typeof humidity === 'number') {
    const value = dewPoint(temperature, humidity)
    if (value !== undefined) row.dew_point = hundredths(value)
  }
  if (heightMeters !== undefined && typeof pressure === 'number') {
    // Without a thermometer the standard atmosphere's 15 °C stands in: 0.3 hPa off at 100 m.
    const celsius = typeof temperature === 'number' ? temperature : 15
    row.sea_level_pressure = hundredths(seaLevelPressure(pressure, heightMeters, celsius))
  }
}

function hundredths(value: number): number {
  return Math.round(value * 100) / 100
}
