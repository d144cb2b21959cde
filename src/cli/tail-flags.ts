import { WxError } from '../errors.js'
import { type UnitSystem, unitSystems } from '../timebase/units.js'
import { parseTime } from './options.js'

/** A time that a person gave with a flag, epoch milliseconds. */
export function timeOf(flag: string, text: string, nowMs: number): number {
  try {
    return parseTime(text, nowMs)
  } catch (cause) {
    throw new WxError('USAGE', `${flag} "${text}" is no time.`, {
      hint: 'Give a time such as 2026-11-23T21:00:00Z, or so long ago such as 2h or 7d.',
      cause,
    })
  }
}

export function checkedUnits(text: string): UnitSystem {
  const units = unitSystems.find((one) => one === text)
  if (units) return units
  throw new WxError('USAGE', `"${text}" is no system of units.`, {
    hint: `Give one of ${unitSystems.join(', ')}.`,
  })
}

export function unknownStream(stream: string, server: string): WxError {
  return new WxError('STREAM_UNKNOWN', `There is no stream "${stream}" on ${server}.`, {
    details: { stream, server },
  })
}
