import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { commands } from '../../src/cli/commands/index.js'
import type { Handle } from '../../src/cli/main.js'
import { cli } from '../support/system.js'

const noHandle: Handle = () => async () => {}

function paths(command: Command): string[][] {
  return command.commands.flatMap((child) => [
    [child.name()],
    ...paths(child).map((rest) => [child.name(), ...rest]),
  ])
}

const program = new Command()
for (const add of commands) add(program, noHandle)

describe('help', () => {
  it.each([[[]], ...paths(program).map((path) => [path])] as string[][][])('%j', async (path) => {
    const { code, out } = await cli([...path, '--help'])
    expect(code).toBe(0)
    expect(out.split('\n').every((line) => line.length <= 80)).toBe(true)
    await expect(out).toMatchFileSnapshot(`help/${['wxstation', ...path].join('-')}.txt`)
  })

  it('of every command that does something ends with two examples', async () => {
    const leaves = paths(program).filter(
      (path) =>
        !paths(program).some(
          (other) => other.length > path.length && path.every((word, i) => other[i] === word),
        ),
    )
    for (const path of leaves) {
      const { out } = await cli([...path, '--help'])
      const examples = out.split('Examples:\n')[1]?.trim().split('\n') ?? []
      expect(examples.length, path.join(' ')).toBeGreaterThanOrEqual(2)
    }
  })
})
