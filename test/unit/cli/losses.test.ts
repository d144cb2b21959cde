import { describe, expect, it } from 'vitest'
import type { Context } from '../../../src/cli/context.js'
import type { FlashFlags } from '../../../src/cli/flash.js'
import { decideLosses } from '../../../src/cli/losses.js'
import { noPrompts } from '../../../src/cli/prompts.js'
import type { Loss } from '../../../src/device/losses.js'

const files: Loss = {
  ...{ kind: 'files', label: 'vfs', offset: 0x200000, size: 0x200000 },
  files: { nodes: [], blockCount: 512, count: 3, bytes: 4200 },
}
const queue: Loss = { kind: 'queue', label: 'wxqueue', offset: 0x240000, size: 0x1c0000 }

/** Somebody who chooses this, says this to a confirmation, and hears the questions. */
function person(choice: string, goesOn: boolean): { context: Context; heard: string[] } {
  const heard: string[] = []
  const prompts = {
    ...noPrompts,
    canAsk: true,
    choose: async (question: string) => {
      heard.push(question)
      return choice
    },
    confirm: async (question: string) => {
      heard.push(question)
      return goesOn
    },
  }
  return { context: { options: { yes: false }, prompts } as unknown as Context, heard }
}

const flags: FlashFlags = { jobs: 1, wait: true }

describe('what has no place in the new layout', () => {
  it.each<[string, Loss[], FlashFlags, boolean, string, boolean, string, number]>([
    ['files: kept', [files], flags, true, 'keep', false, 'keep', 1],
    ['files: let go', [files], flags, true, 'lose', false, 'lose', 1],
    ['files: stop', [files], flags, true, 'stop', true, 'INTERRUPTED', 1],
    ['files that do not fit, given up', [files], flags, false, '', true, 'lose', 1],
    ['files that do not fit, not given up', [files], flags, false, '', false, 'INTERRUPTED', 1],
    ['files kept and a queue given up', [files, queue], flags, true, 'keep', true, 'keep', 2],
    ['files kept, a queue not', [files, queue], flags, true, 'keep', false, 'INTERRUPTED', 2],
    ['a flag for the files', [files], { ...flags, keepFiles: true }, true, '', false, 'keep', 0],
    [
      'a flag, and a queue',
      [files, queue],
      { ...flags, keepFiles: true },
      true,
      '',
      true,
      'keep',
      1,
    ],
    ['everything', [files, queue], { ...flags, discardFiles: true }, true, '', false, 'lose', 0],
  ])('%s', async (_, losses, given, canKeep, choice, goesOn, expected, questions) => {
    const { context, heard } = person(choice, goesOn)
    const answer = decideLosses(context, given, losses, canKeep, true)
    expect(await answer.catch(({ code }: { code: string }) => code)).toBe(expected)
    expect(heard).toHaveLength(questions)
  })

  it('is named in the question, with what is lost named again', async () => {
    const { context, heard } = person('keep', true)
    await decideLosses(context, flags, [files, queue], true, true)
    expect(heard).toEqual([
      "The new layout has no place for what the board holds: 3 files (4.2 kB), which can be put back; the station's queue, whose records may not all be sent.",
      "This is lost: the station's queue, whose records may not all be sent. Go on?",
    ])
  })

  it('is not asked about beside other boards', async () => {
    const { context, heard } = person('keep', true)
    const answer = decideLosses(context, { ...flags, keepFiles: true }, [files, queue], true, false)
    await expect(answer).rejects.toMatchObject({
      code: 'ANSWER_MISSING',
      hint: expect.stringContaining('--yes with --keep-files'),
    })
    expect(heard).toEqual([])
  })
})
