/** Epoch milliseconds as `2026-11-23 21:00:00`, UTC. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ')
}
