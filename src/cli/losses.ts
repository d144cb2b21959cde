import type { Held } from '../device/kept-files.js'
import { isSaved, type Loss } from '../device/losses.js'
import { WxError } from '../errors.js'
import type { Context } from './context.js'
import type { FlashFlags } from './flash.js'
import { bytesText } from './render/tables.js'

/**
 * What becomes of things on the board that have no place in the new layout: by flag, by --yes (all is
 * kept that can be), or by a question. What the new layout holds is kept by being put back, everything
 * else but files by a file here. Throws before a byte is written where the answer is no.
 */
export async function decideLosses(
  { options, prompts }: Context,
  flags: FlashFlags,
  losses: Loss[],
  held: Held['kinds'],
  canAsk: boolean,
): Promise<'keep' | 'lose'> {
  const others = losses.filter((loss) => isSaved(loss, held))
  const stuck = losses.filter((loss) => !held.has(loss.kind) && !isSaved(loss, held))
  if (flags.discardFiles) return 'lose'
  if (options.yes || (flags.keepFiles && stuck.length === 0)) return 'keep'
  const what = losses.map((loss) => `${lossText(loss)}, ${refugeText(loss, held)}`).join('; ')
  const found = `The new layout has no place for what the board holds: ${what}.`
  if (!canAsk || !prompts.canAsk)
    throw unanswered(found, flags, losses, { isStuck: stuck.length > 0, saves: others.length > 0 })
  const isChoice = !flags.keepFiles && (held.size > 0 || others.length > 0)
  const isKept = isChoice
    ? (await choose(found, wayToKeep(held, others.length), prompts)) === 'keep'
    : others.length > 0
  const lost = isKept ? stuck : losses
  // Files alone were let go of by name.
  const isSaid = lost.length === 0 || (isChoice && losses.every(({ kind }) => kind === 'files'))
  const list = lost.map(lossText).join('; ')
  if (!isSaid && !(await prompts.confirm(`This is lost: ${list}. Go on?`, { flag: '--yes' })))
    throw stopped()
  return isKept ? 'keep' : 'lose'
}

function wayToKeep(held: Held['kinds'], others: number): string {
  if (held.size === 0) return 'Save here what can be saved, and go on'
  if (others > 0) return 'Keep all: save it here, put the files back in the same run'
  const what = held.has('queue') ? 'files and queue' : 'the files'
  return `Keep ${what}: save them here, put them back in the same run`
}

async function choose(
  found: string,
  keep: string,
  prompts: Context['prompts'],
): Promise<'keep' | 'lose'> {
  const answer = await prompts.choose(
    found,
    [
      { name: keep, value: 'keep' },
      { name: 'Let go of it', value: 'lose' },
      { name: 'Stop', value: 'stop' },
    ],
    { flag: '--keep-files or --discard-files' },
  )
  if (answer === 'stop') throw stopped()
  return answer as 'keep' | 'lose'
}

/** A sentence's part for each thing that has to go. */
function lossText({ kind, label, size, files }: Loss): string {
  if (kind === 'queue') return "the station's queue, whose records may not all be sent"
  if (kind === 'storage') return "Espruino's storage, with its program and settings"
  if (kind === 'data') return `data in the partition "${label}" (${bytesText(size)})`
  if (!files) return 'a file system that wxstation cannot read'
  return `${files.count} ${files.count === 1 ? 'file' : 'files'} (${bytesText(files.bytes)})`
}

function refugeText(loss: Loss, held: Held['kinds']): string {
  const { kind, files } = loss
  if (kind === 'queue' && held.has(kind)) return 'which can move into files'
  if (held.has(kind)) return 'which can be put back'
  if (isSaved(loss, held)) return 'which can be saved here'
  return files ? 'more than the new file system takes' : 'which cannot be kept'
}

function unanswered(
  found: string,
  flags: FlashFlags,
  losses: Loss[],
  { isStuck, saves }: { isStuck: boolean; saves: boolean },
): WxError {
  const flag = !isStuck
    ? '--keep-files or --discard-files'
    : saves
      ? '--discard-files, or --yes to save here what can be saved'
      : '--discard-files'
  const stock = flags.stockPartitions ? '' : ', or keep the layout with --stock-partitions'
  const hasFiles = losses.some(({ kind, isHomeless }) => kind === 'files' && !isHomeless)
  return new WxError('ANSWER_MISSING', found, {
    hint: `Say ${flag}${hasFiles ? stock : ''}; \`wxstation board backup\` saves the whole flash first.`,
    details: { flag, loses: losses.map(({ label }) => label) },
  })
}

function stopped(): WxError {
  return new WxError('INTERRUPTED', 'Nothing was written.', {
    hint: 'Save the flash with `wxstation board backup`, or copy the files off the board first.',
  })
}
