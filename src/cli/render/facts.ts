import type { Fact } from '../../events.js'
import { flashFacts } from './flash.js'
import type { Paint } from './paint.js'
import { provisionFacts } from './provision.js'
import { fact } from './tables.js'
import { recordFacts } from './timebase.js'

type Values = Record<string, string | number | boolean>

const lines: Partial<Record<Fact['kind'], (values: Values, paint: Paint) => string[]>> = {
  ...provisionFacts,
  ...recordFacts,
  ...flashFacts,
}

/** Facts aligned in one column, one line each. */
export function factLines({ kind, values }: Fact, paint: Paint): string[] {
  const own = lines[kind]
  if (own) return own(values, paint)
  const label = `${kind[0]?.toUpperCase()}${kind.slice(1)}`
  return [fact(label, Object.values(values).join(' · '))]
}
