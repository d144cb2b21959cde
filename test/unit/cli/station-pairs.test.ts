import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { makePrompts, noPrompts } from '../../../src/cli/prompts.js'
import { fromPairs, pairsWithStdin } from '../../../src/cli/station-pairs.js'
import { Secret } from '../../../src/secret.js'
import type { StationValue } from '../../../src/station/config.js'
import { converse, keys } from '../../support/converse.js'
import { testSystem } from '../../support/system.js'

const revealed = (value: StationValue | undefined): unknown =>
  value instanceof Secret ? value.reveal() : value

/** A shell that pipes this in. */
function piped(text: string): Parameters<typeof pairsWithStdin>[0] {
  const system = testSystem()
  const stdin = new PassThrough()
  stdin.end(text)
  const terminal = { ...system.terminal, stdin: stdin as unknown as NodeJS.ReadStream }
  return {
    system: { ...system, terminal },
    prompts: noPrompts,
    signal: new AbortController().signal,
  }
}

describe('name=value', () => {
  it('becomes what the setting is', () => {
    const pairs = ['led=-1', 'ntp_servers=a, b', 'symbol=a=b', 'password=x=y']
    const { password, ...rest } = fromPairs(pairs)
    expect(rest).toEqual({ led: -1, ntp_servers: ['a', 'b'], symbol: 'a=b' })
    expect(revealed(password)).toBe('x=y')
    expect(fromPairs(['led='])).toEqual({ led: Number.NaN })
  })

  it.each(['colour=red', 'networks=a', 'led', '=1'])('is refused without its value: %s', (pair) => {
    expect(() => fromPairs([pair])).toThrow(/is no setting that can be set this way/)
  })

  it('takes one secret from standard input', async () => {
    const wish = await pairsWithStdin(piped('hush\n'), ['symbol=-', 'password=-'])
    expect(wish.symbol).toBe('-')
    expect(revealed(wish.password)).toBe('hush')
  })

  it('reads nothing where no secret is asked for', async () => {
    const wish = await pairsWithStdin(piped('hush'), ['password=given'])
    expect(revealed(wish.password)).toBe('given')
  })

  it.each<[string, string[], boolean]>([
    ['two secrets', ['password=-', 'ap_password=-'], false],
    ['a secret beside --password-stdin', ['password=-'], true],
  ])('has not enough standard input for %s', async (_what, pairs, isTaken) => {
    await expect(pairsWithStdin(piped('hush'), pairs, isTaken)).rejects.toMatchObject({
      code: 'USAGE',
    })
  })

  it('is asked for on a terminal, unseen', async () => {
    const system = testSystem({ tty: true })
    const { signal } = new AbortController()
    const prompts = makePrompts(system.terminal, signal, () => {})
    const [wish] = await Promise.all([
      pairsWithStdin({ system, prompts, signal }, ['ap_password=-']),
      converse(system, [[/ap_password/, `hush-hush${keys.enter}`]]),
    ])
    expect(revealed(wish.ap_password)).toBe('hush-hush')
    expect(system.err()).not.toContain('hush')
  })
})
