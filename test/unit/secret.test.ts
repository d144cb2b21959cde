import { inspect } from 'node:util'
import { expect, it } from 'vitest'
import { Secret } from '../../src/secret.js'

const secret = new Secret('hunter2')

it('prints as dots however it is printed', () => {
  const printed = [
    `${secret}`,
    JSON.stringify({ secret }),
    inspect(secret),
    inspect({ a: [secret] }),
    String(secret),
  ]
  expect(printed.join(' ')).not.toContain('hunter2')
  expect(printed.every((text) => text.includes('••••••'))).toBe(true)
})

it('has no property that holds the text', () => {
  expect(Object.entries(secret)).toEqual([])
  expect(structuredClone({ ...secret })).toEqual({})
})

it('gives the text when asked', () => {
  expect(secret.reveal()).toBe('hunter2')
  expect(secret.isEmpty).toBe(false)
  expect(new Secret('').isEmpty).toBe(true)
})
