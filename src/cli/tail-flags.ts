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

/** What `--derived` adds to a record of the weather. */
export const derivedFields = ['dew_point', 'sea_level_pressure']

/** Refuses names of fields that no record of the stream has. */
export function checkFields(wanted: Iterable<string>, there: string[], stream: string): void {
  for (const field of wanted) {
    if (there.includes(field)) continue
    throw new WxError('USAGE', `The stream "${stream}" has no field "${field}".`, {
      hint: derivedFields.includes(field)
        ? '--derived adds it to each record.'
        : `It has ${there.filter((name) => name !== '$type').join(', ')}.`,
    })
  }
}
