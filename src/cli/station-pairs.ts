import { WxError } from '../errors.js'
import { Secret } from '../secret.js'
import type { StationSettings, StationValue } from '../station/config.js'
import { stationRules } from '../station/rules.js'
import type { Context } from './context.js'
import { secretFromStdin } from './stdin.js'

/**
 * `name=value` pairs of a command line, which every user of the machine can read: `password=-`
 * keeps a secret out of it. `isTaken`: standard input has another use already.
 */
export async function pairsWithStdin(
  context: Pick<Context, 'system' | 'prompts' | 'signal'>,
  pairs: string[],
  isTaken = false,
): Promise<StationSettings> {
  const wish = fromPairs(pairs)
  const asked = Object.entries(wish).filter(
    ([, value]) => value instanceof Secret && value.reveal() === '-',
  )
  const [first, second] = asked
  if (!first) return wish
  if (second || isTaken)
    throw new WxError('USAGE', 'Standard input can give one secret only.', {
      hint: 'Give the others by a file or the environment.',
    })
  const [name] = first
  return { ...wish, [name]: await secretFromStdin(context, `${name}=-`, name) }
}

/** `name=value` pairs: numbers and lists become what the setting is. */
export function fromPairs(pairs: string[]): StationSettings {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=')
      const name = at < 0 ? pair : pair.slice(0, at)
      const rule = stationRules[name]
      if (at < 1 || !rule || rule.kind === 'networks') {
        // The value may be a secret: only the name is repeated.
        throw new WxError('USAGE', `"${name}" is no setting that can be set this way.`, {
          hint: `Settings are: ${Object.keys(stationRules).join(', ')}.`,
        })
      }
      return [name, settingValue(pair.slice(at + 1), rule.kind)]
    }),
  )
}

function settingValue(text: string, kind: string): StationValue {
  if (kind === 'number') return text.trim() === '' ? Number.NaN : Number(text)
  if (kind === 'secret') return new Secret(text)
  if (kind === 'texts') return text.split(',').map((one) => one.trim())
  return text
}
