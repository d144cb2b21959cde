import { describe, expect, it } from 'vitest'
import type { Context } from '../../../src/cli/context.js'
import type { FlashFlags } from '../../../src/cli/flash.js'
import { decideLosses } from '../../../src/cli/losses.js'
import { noPrompts } from '../../../src/cli/prompts.js'
import type { Held } from '../../../src/device/kept-files.js'
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
const keeping: FlashFlags = { ...flags, keepFiles: true }

/** Kinds that the new layout takes. */
const held = (canKeep: boolean): Held['kinds'] => new Set(canKeep ? ['files'] : [])

describe('what has no place in the new layout', () => {
  it.each<[string, Loss[], FlashFlags, boolean, string, boolean, string, number]>([
    ['files: kept', [files], flags, true, 'keep', false, 'keep', 1],
    ['files: let go', [files], flags, true, 'lose', false, 'lose', 1],
    ['files: stop', [files], flags, true, 'stop', true, 'INTERRUPTED', 1],
    ['files that do not fit, given up', [files], flags, false, '', true, 'lose', 1],
    ['files that do not fit, not given up', [files], flags, false, '', false, 'INTERRUPTED', 1],
    ['files and a queue kept', [files, queue], flags, true, 'keep', false, 'keep', 1],
    ['files and a queue given up', [files, queue], flags, true, 'lose', true, 'lose', 2],
    ['both, but then not', [files, queue], flags, true, 'lose', false, 'INTERRUPTED', 2],
    ['a queue alone, saved', [queue], flags, false, 'keep', false, 'keep', 1],
    ['a queue alone, given up', [queue], flags, false, 'lose', true, 'lose', 2],
    ['a queue saved, files given up', [files, queue], flags, false, 'keep', true, 'keep', 2],
    ['a queue saved, files not', [files, queue], flags, false, 'keep', false, 'INTERRUPTED', 2],
    ['a flag for the files', [files], keeping, true, '', false, 'keep', 0],
    ['a flag, and a queue', [files, queue], keeping, true, '', false, 'keep', 0],
    ['a flag, and files that do not fit', [files], keeping, false, '', true, 'lose', 1],
    ['a flag, a queue, files that do not', [files, queue], keeping, false, '', true, 'keep', 1],
    ['everything', [files, queue], { ...flags, discardFiles: true }, true, '', false, 'lose', 0],
  ])('%s', async (_, losses, given, canKeep, choice, goesOn, expected, questions) => {
    const { context, heard } = person(choice, goesOn)
    const answer = decideLosses(context, given, losses, held(canKeep), true)
    expect(await answer.catch(({ code }: { code: string }) => code)).toBe(expected)
    expect(heard).toHaveLength(questions)
  })

  it('is named in the question, with what is lost named again', async () => {
    const { context, heard } = person('keep', true)
    await decideLosses(context, flags, [files, queue], held(false), true)
    expect(heard).toEqual([
      "The new layout has no place for what the board holds: 3 files (4.2 kB), more than the new file system takes; the station's queue, whose records may not all be sent, which can be saved here.",
      'This is lost: 3 files (4.2 kB). Go on?',
    ])
  })

  it('may be files that other firmware has no place for: they are saved, and flags say so', async () => {
    const homeless: Loss = { ...files, isHomeless: true }
    const decide = (given: FlashFlags) =>
      decideLosses(person('', false).context, given, [homeless], held(false), false)
    await expect(decide(flags)).rejects.toMatchObject({
      message: expect.stringMatching(/3 files .*, which can be saved here\.$/),
      hint: 'Say --keep-files or --discard-files; `wxstation board backup` saves the whole flash first.',
    })
    expect(await decide(keeping)).toBe('keep')
  })

  it('is a choice for files and queue together where both go into the new layout', async () => {
    const { context, heard } = person('keep', false)
    const both: Held['kinds'] = new Set(['files', 'queue'])
    expect(await decideLosses(context, flags, [files, queue], both, true)).toBe('keep')
    expect(heard).toEqual([
      "The new layout has no place for what the board holds: 3 files (4.2 kB), which can be put back; the station's queue, whose records may not all be sent, which can move into files.",
    ])
    const other = person('lose', false)
    const answer = decideLosses(other.context, flags, [files, queue], both, true)
    await expect(answer).rejects.toMatchObject({ code: 'INTERRUPTED' })
    expect(other.heard).toHaveLength(2)
  })

  it.each([
    ['files', [files], true, '--keep-files or --discard-files'],
    ['a queue', [queue], false, '--keep-files or --discard-files'],
    [
      'files that do not fit, and a queue',
      [files, queue],
      false,
      '--discard-files, or --yes to save here what can be saved',
    ],
  ])('is not asked about beside other boards: %s', async (_, losses, canKeep, flag) => {
    const { context, heard } = person('keep', true)
    const answer = decideLosses(context, flags, losses, held(canKeep), false)
    await expect(answer).rejects.toMatchObject({ code: 'ANSWER_MISSING', details: { flag } })
    expect(heard).toEqual([])
  })
})
