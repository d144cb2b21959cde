import { Chalk, type ChalkInstance } from 'chalk'
import type { System } from '../../system.js'

/** Colors mark state only: bad, caution, good, dim, bold. */
export type Paint = Record<
  'bad' | 'caution' | 'good' | 'dim' | 'bold' | 'accent',
  (text: string) => string
>

/** Whether colors go to this stream: NO_COLOR wins over FORCE_COLOR, both over the terminal. */
export function hasColor(system: System, isTerminal: boolean, flag: boolean): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = system.env
  if (!flag || NO_COLOR) return false
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false'
  return isTerminal && TERM !== 'dumb'
}

export function makePaint(color: boolean): Paint {
  const chalk: ChalkInstance = new Chalk({ level: color ? 1 : 0 })
  return {
    bad: chalk.red,
    caution: chalk.yellow,
    good: chalk.green,
    dim: chalk.dim,
    bold: chalk.bold,
    accent: chalk.cyan,
  }
}
