import { WxError } from '../errors.js'
import type { Station } from '../station/inventory.js'
import type { SettingKey, Settings } from './settings.js'

/** Degrees of a globe, and meters between the Dead Sea's shore and what anybody lives on. */
const limits = {
  'station.latitude': [-90, 90],
  'station.longitude': [-180, 180],
  'station.height': [-500, 9000],
} as const satisfies Partial<Record<SettingKey, readonly [number, number]>>

/**
 * Name and position for the inventory, as flags and settings give them; what is not given stays as
 * it was known. Throws SETTINGS_INVALID for a place that is none.
 */
export function placeOf(
  settings: Settings,
): Pick<Station, 'name' | 'latitude' | 'longitude' | 'heightM'> {
  const number = (key: keyof typeof limits): number | undefined => {
    const text = settings.get(key)
    if (text === undefined) return undefined
    const [least, most] = limits[key]
    const value = Number(text)
    if (text.trim() !== '' && value >= least && value <= most) return value
    throw new WxError(
      'SETTINGS_INVALID',
      `"${key}" must be a number from ${least} to ${most}, not "${text}".`,
    )
  }
  const name = settings.get('station.name')
  const latitude = number('station.latitude')
  const longitude = number('station.longitude')
  const heightM = number('station.height')
  return {
    ...(name !== undefined && { name }),
    ...(latitude !== undefined && { latitude }),
    ...(longitude !== undefined && { longitude }),
    ...(heightM !== undefined && { heightM }),
  }
}
