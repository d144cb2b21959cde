/** One run of the station, from a boot to the next. */
export interface Session {
  boot: number
  /** Wall time of its beginning, told by its clock. */
  zeroMs?: number | undefined
  /** The same, as the station has estimated and stored it. */
  estimatedZeroMs?: number | undefined
  /** The latest stamp before it. */
  previousMs: number | undefined
  /** How long it is known to have run without a clock. */
  upMs: number
  isSet: boolean
  hasBegun: boolean
}

interface Untimed {
  session: Session
  timeMs: number
  isSet: boolean
}

/** Times of the station count from 2020-01-01T00:00:00Z (firmware/micropython/clock.py). */
const epochMs = 1_577_836_800_000

/**
 * Gives records their wall time by the station's own rules, so that a record the station uploads
 * later has the same one: told by the boot's clock, even when that was set behind the record;
 * else by the stored estimate; else right behind the last stamp before the boot; else, where
 * nothing was known before, ending where the known begins. Records that none of it places are
 * left out: no clock was ever set.
 */
export function placeInTime<Record extends Untimed>(
  records: Record[],
  sessions: Session[],
): { record: Record; atMs: number; isEstimated: boolean }[] {
  const zeros = new Map<Session, number | undefined>()
  for (const session of sessions)
    zeros.set(session, session.zeroMs ?? estimatedZero(session, sessions))
  return records.flatMap((record) => {
    const { session, timeMs, isSet } = record
    if (isSet) return [{ record, atMs: epochMs + timeMs, isEstimated: false }]
    const zeroMs = zeros.get(session)
    if (zeroMs === undefined) return []
    const isEstimated = session.zeroMs === undefined
    return [{ record, atMs: epochMs + zeroMs + timeMs, isEstimated }]
  })
}

function estimatedZero(session: Session, sessions: Session[]): number | undefined {
  if (session.estimatedZeroMs !== undefined) return session.estimatedZeroMs
  if (session.previousMs !== undefined) return session.previousMs
  const later = sessions.slice(sessions.indexOf(session))
  const known = later.findIndex(({ isSet }) => isSet)
  const zeroMs = later[known]?.zeroMs ?? sessions.at(-1)?.zeroMs
  if (known < 0 || zeroMs === undefined) return undefined
  // The station counts whole seconds here, and one more for each boot.
  const ran = later.slice(0, known).reduce((sum, { upMs }) => sum + Math.floor(upMs / 1000) + 1, 0)
  return (Math.floor(zeroMs / 1000) - ran) * 1000
}
