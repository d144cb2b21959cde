import type { Event } from '../../events.js'
import type { Paint } from './paint.js'
import { bytesText, secondsText, widthOf } from './tables.js'

const barCells = 24
const leastBarCells = 6

/**
 * How far a stage is, in `room` cells: bar, amount, rate and time left, or for how long nothing has
 * come where that is worth telling.
 */
export function progressText(
  event: Event & { type: 'progress' },
  elapsedMs: number,
  paint: Paint,
  room: number,
  silentMs?: number,
): string {
  const { done, total, unit } = event
  const share = Math.min(1, event.share ?? (total > 0 ? done / total : 0))
  const percent = `${Math.floor(share * 100)} %`.padStart(5)
  const amount =
    unit === 'bytes'
      ? `${bytesText(done)} of ${bytesText(total)}`
      : total > 0
        ? `${done} of ${total} ${unit}`
        : `${done} ${unit}`
  const perMs = elapsedMs > 500 ? done / elapsedMs : 0
  const rate = perMs > 0 && unit === 'bytes' ? `  ${Math.round(perMs)} kB/s` : ''
  const isKnown = elapsedMs > 500 && share > 0 && share < 1
  const eta = isKnown ? `  ${secondsText((elapsedMs / share) * (1 - share))} left` : ''
  const pace =
    silentMs === undefined
      ? rate + eta
      : `  ${paint.caution(`nothing for ${secondsText(silentMs)}`)}`
  const figures = `${percent}  ${amount}${pace}`
  // On a narrow terminal the bar gives way: it says least.
  const cells = Math.min(barCells, room - widthOf(figures) - 1)
  if (cells < leastBarCells) return figures.trimStart().replaceAll('  ', ' ')
  const full = Math.round(share * cells)
  return `${paint.good('━'.repeat(full))}${paint.dim('━'.repeat(cells - full))} ${figures}`
}
