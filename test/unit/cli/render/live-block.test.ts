import { describe, expect, it } from 'vitest'
import { makeLiveBlock } from '../../../../src/cli/render/live-block.js'
import { fakeClock } from '../../../support/clock.js'
import { type TestSystem, testSystem } from '../../../support/system.js'

/** What a terminal shows of it: "up n lines" and "erase below" are the only moves there are. */
function screen(system: TestSystem): string[] {
  const lines: string[] = []
  let isMove = false
  for (const part of system.err().split(/\x1b\[(\d+)A\x1b\[0J/)) {
    if (isMove) lines.splice(lines.length - Number(part))
    else lines.push(...part.split('\n').slice(0, -1))
    isMove = !isMove
  }
  return lines
}

const terminal = (): TestSystem => ({ ...testSystem({ tty: true, width: 30 }), clock: fakeClock() })

describe('the live block', () => {
  it('keeps one line a board, in order, below what stays', () => {
    const system = terminal()
    const block = makeLiveBlock(system, true)
    block.set('a', 'a  10 %', false)
    block.set('b', 'b  20 %', false)
    block.set('a', 'a  50 %', false)
    block.print(['b  a fact'])
    expect(screen(system)).toEqual(['b  a fact', 'a  50 %', 'b  20 %'])
    block.remove('a')
    block.print(['a  done'])
    expect(screen(system)).toEqual(['b  a fact', 'a  done', 'b  20 %'])
    block.end()
    expect(screen(system)).toEqual(['b  a fact', 'a  done'])
  })

  it('cuts a line that would wrap, which would break the count of lines', () => {
    const system = terminal()
    makeLiveBlock(system, true).set('a', 'x'.repeat(50), false)
    expect(screen(system)[0]?.length).toBeLessThan(30)
  })

  it('clears from the first column, whatever a terminal echoed of Ctrl-C', () => {
    const system = terminal()
    const block = makeLiveBlock(system, true)
    block.set('a', 'a  10 %', false)
    system.terminal.stderr.write('^C')
    block.end()
    expect(system.err()).toMatch(/\^C\r\x1b\[1A\x1b\[0J$/)
  })

  it('prints nothing live off a terminal', () => {
    const system = terminal()
    const block = makeLiveBlock(system, false)
    block.set('a', 'a  10 %', true)
    block.print(['stays'])
    block.end()
    expect(system.err()).toBe('stays\n')
  })
})
