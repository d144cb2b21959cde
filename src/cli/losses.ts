import type { Loss } from '../device/losses.js'
import { WxError } from '../errors.js'
import type { Context } from './context.js'
import type { FlashFlags } from './flash.js'
import { bytesText } from './render/tables.js'

/**
 * What becomes of things on the board that have no place in the new layout: by flag, by --yes (files
 * are kept where they can be), or by a question. Throws before a byte is written where the answer is no.
 */
export async function decideLosses(
  { options, prompts }: Context,
  flags: FlashFlags,
  losses: Loss[],
  canKeep: boolean,
  canAsk: boolean,
): Promise<'keep' | 'lose'> {
  const others = losses.filter(({ kind }) => kind !== 'files')
  if (flags.discardFiles) return 'lose'
  if (options.yes) return canKeep ? 'keep' : 'lose'
  if (flags.keepFiles && canKeep && others.length === 0) return 'keep'
  const what = losses.map((loss) => lossText(loss, canKeep)).join('; ')
  const found = `The new layout has no place for what the board holds: ${what}.`
  if (!canAsk || !prompts.canAsk) throw unanswered(found, flags, losses, canKeep)
  const isKept = canKeep && (flags.keepFiles || (await choose(found, prompts)) === 'keep')
  const isLost = others.length > 0 || !canKeep
  const lost = isKept ? others.map((loss) => lossText(loss, false)).join('; ') : what
  if (isLost && !(await prompts.confirm(`This is lost: ${lost}. Go on?`, { flag: '--yes' })))
    throw stopped()
  return isKept ? 'keep' : 'lose'
}

async function choose(found: string, prompts: Context['prompts']): Promise<'keep' | 'lose'> {
  const answer = await prompts.choose(
    found,
    [
      { name: 'Keep the files: save them here, put them back in the same run', value: 'keep' },
      { name: 'Let go of the files', value: 'lose' },
      { name: 'Stop', value: 'stop' },
    ],
    { flag: '--keep-files or --discard-files' },
  )
  if (answer === 'stop') throw stopped()
  return answer as 'keep' | 'lose'
}

/** A sentence's part for each thing that has to go. */
function lossText({ kind, label, size, files }: Loss, canKeep: boolean): string {
  if (kind === 'queue') return "the station's queue, whose records may not all be sent"
  if (kind === 'storage') return "Espruino's storage, with its program and settings"
  if (kind === 'data') return `data in the partition "${label}" (${bytesText(size)})`
  if (!files) return 'a file system that wxstation cannot read'
  const count = `${files.count} ${files.count === 1 ? 'file' : 'files'} (${bytesText(files.bytes)})`
  return canKeep
    ? `${count}, which can be put back`
    : `${count}, more than the new file system takes`
}

function unanswered(found: string, flags: FlashFlags, losses: Loss[], canKeep: boolean): WxError {
  const flag = !canKeep
    ? '--discard-files'
    : flags.keepFiles
      ? '--yes with --keep-files'
      : '--keep-files or --discard-files'
  const stock = flags.stockPartitions ? '' : ', or keep the layout with --stock-partitions'
  const hasFiles = losses.some(({ kind }) => kind === 'files')
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
