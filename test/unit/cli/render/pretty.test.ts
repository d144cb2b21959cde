import { describe, expect, it } from 'vitest'
import { makePaint } from '../../../../src/cli/render/paint.js'
import { makePretty } from '../../../../src/cli/render/pretty.js'
import { WxError } from '../../../../src/errors.js'
import { fakeClock } from '../../../support/clock.js'
import { testSystem } from '../../../support/system.js'

const paint = makePaint(false)

/** What a terminal shows after the bytes: lines, with cursor-up and erase-below carried out. */
function screen(bytes: string): string[] {
  const lines = ['']
  for (const part of bytes.split(/(\u001b\[\d+A|\u001b\[0J|\n)/)) {
    const up = /^\u001b\[(\d+)A$/.exec(part)
    if (up) lines.splice(lines.length - 1 - Number(up[1]))
    else if (part === '\n') lines.push('')
    else if (part !== '\u001b[0J') lines[lines.length - 1] = (lines.at(-1) ?? '') + part
    if (up) lines.push('')
  }
  return lines.filter((line) => line !== '')
}

describe('live lines', () => {
  it('keep one line a board and leave one that stays', () => {
    const system = testSystem({ clock: fakeClock(), tty: true })
    const pretty = makePretty(system, paint, { live: true, says: 'everything', debug: false })
    pretty.report({
      type: 'progress',
      stage: 'write',
      done: 1,
      total: 4,
      unit: 'sectors',
      board: 'A',
    })
    pretty.report({
      type: 'progress',
      stage: 'write',
      done: 2,
      total: 4,
      unit: 'sectors',
      board: 'B',
    })
    expect(screen(system.err())).toHaveLength(2)
    pretty.report({ type: 'done', stage: 'write', elapsedMs: 1000, board: 'A' })
    const lines = screen(system.err())
    expect(lines[0]).toMatch(/^A {2}✔/)
    expect(lines[1]).toMatch(/^B .* 50 %/)
    pretty.end()
    expect(screen(system.err())).toHaveLength(1)
  })

  it('tell for how long nothing has come, until something does', async () => {
    const clock = fakeClock()
    const system = testSystem({ clock, tty: true })
    const pretty = makePretty(system, paint, { live: true, says: 'everything', debug: false })
    const progress = { type: 'progress', stage: 'write', total: 400, unit: 'bytes' } as const
    const line = (): string | undefined => screen(system.err()).at(-1)
    pretty.report({ ...progress, done: 100 })
    await clock.advance(2000)
    pretty.report({ ...progress, done: 200 })
    await clock.advance(4900)
    expect(line()).toMatch(/ 50 %.*2\.0 s left$/)
    await clock.advance(3100)
    expect(line()).toMatch(/ 50 %.*nothing for 8\.0 s$/)
    pretty.report({ ...progress, done: 300 })
    expect(line()).toMatch(/ 75 %.*left$/)
    pretty.end()
    const shown = system.err()
    await clock.advance(60_000)
    expect(system.err()).toBe(shown)
  })

  it('end with the reason for a board that fails, while others go on', () => {
    const system = testSystem({ clock: fakeClock(), tty: true })
    const pretty = makePretty(system, paint, { live: true, says: 'everything', debug: false })
    const progress = { type: 'progress', stage: 'write', done: 1, total: 4, unit: 'bytes' } as const
    for (const board of ['A', 'B']) pretty.report({ ...progress, board })
    const error = new WxError('PORT_LOST', 'It is gone.', { hint: 'Check the cable.' })
    pretty.report({ type: 'failed', error, board: 'A' })
    expect(screen(system.err())).toEqual([
      'A  ✖ It is gone.',
      'A    Check the cable.',
      expect.stringMatching(/^B {2}Writing/),
    ])
    pretty.end()
  })

  it('turn a spinner while something is waited for, and stop at a question', async () => {
    const clock = fakeClock()
    const system = testSystem({ clock, tty: true })
    const pretty = makePretty(system, paint, { live: true, says: 'everything', debug: false })
    await import('ora')
    await clock.advance(1)
    pretty.report({ type: 'waiting', stage: 'record', reason: 'anything', elapsedMs: 1000 })
    const first = screen(system.err())[0]
    await clock.advance(100)
    const second = screen(system.err())[0]
    expect(second?.slice(1)).toBe(first?.slice(1))
    expect(second).not.toBe(first)
    pretty.pause()
    expect(screen(system.err())).toEqual([])
    await clock.advance(1000)
    expect(screen(system.err())).toEqual([])
    pretty.report({ type: 'waiting', stage: 'record', reason: 'anything', elapsedMs: 2000 })
    expect(screen(system.err())).toHaveLength(1)
    pretty.end()
  })

  it.each([
    ['', 80, 23],
    ['/dev/ttyUSB0', 80, 9],
    ['rfc2217://127.0.0.1:2217', 80, 0],
  ])(
    'of the board "%s" show bytes, rate and time left in %i columns',
    async (board, width, bar) => {
      const clock = fakeClock()
      const system = testSystem({ clock, tty: true, width })
      const pretty = makePretty(system, paint, { live: true, says: 'everything', debug: false })
      const progress = {
        type: 'progress',
        stage: 'write',
        total: 1_120_000,
        unit: 'bytes',
      } as const
      pretty.report({ ...progress, done: 0, ...(board && { board }) })
      await clock.advance(3000)
      pretty.report({ ...progress, done: 262_000, ...(board && { board }) })
      const [line = ''] = screen(system.err())
      expect(line).toMatch(/ 23 % {1,2}262 kB of 1\.12 MB {1,2}87 kB\/s {1,2}9\.8 s left$/)
      expect(line.split('━')).toHaveLength(bar + 1)
      pretty.end()
    },
  )

  it('are cut to the width of the terminal', () => {
    const system = testSystem({ clock: fakeClock(), tty: true, width: 40 })
    const pretty = makePretty(system, paint, { live: true, says: 'everything', debug: false })
    pretty.report({ type: 'progress', stage: 'write', done: 900, total: 1000, unit: 'bytes' })
    expect(screen(system.err()).every((line) => line.length < 40)).toBe(true)
    pretty.end()
  })
})

/** A plan with many words, as provision shows it. */
const plan = {
  ...{ add: 30, change: 2, remove: 0, bytes: 66_000, foreign: '', unchanged: 0 },
  ...{ settings: ['wifi', 'stream', 'ntp'].map((name) => `${name}\t\tx`).join('\n') },
  ...{ streams: '', compacts: true },
}

it.each([
  ['on a narrow terminal between words', true, 5],
  ['off a terminal not at all', false, 1],
])('breaks a fact %s', (_where, tty, count) => {
  const system = testSystem({ clock: fakeClock(), tty, width: 40 })
  const pretty = makePretty(system, paint, { live: tty, says: 'everything', debug: false })
  pretty.report({ type: 'fact', fact: { kind: 'changes', values: plan }, board: 'A' })
  const lines = screen(system.err())
  expect(lines).toHaveLength(count)
  const text = lines.map((line) => line.slice('A  '.length + 'Plan      '.length)).join(' ')
  expect(text).toBe(
    'compile old code on the board first, for room, add 30 files, change 2 files (66 kB), set wifi, stream, ntp',
  )
  if (tty) expect(lines.every((line) => line.length <= 40)).toBe(true)
})

describe('off a terminal', () => {
  it('says what it waits for at once and every half minute, and draws nothing else', async () => {
    const clock = fakeClock()
    const system = testSystem({ clock })
    const pretty = makePretty(system, paint, { live: false, says: 'everything', debug: false })
    pretty.report({ type: 'progress', stage: 'write', done: 1, total: 4, unit: 'bytes' })
    for (let s = 0; s < 65; s++) {
      pretty.report({ type: 'waiting', stage: 'record', reason: 'anything', elapsedMs: s * 1000 })
      await clock.advance(1000)
    }
    expect(system.err().split('\n').filter(Boolean)).toHaveLength(3)
    expect(system.err()).not.toContain('\u001b')
  })
})
