import type { Link } from '../device/link.js'
import { choosePort } from './board.js'
import type { Context } from './context.js'
import { patienceOf } from './patience.js'

/** Opens the board that flags, settings or the user choose, at the console's speed. */
export async function openBoardLink(context: Context): Promise<Link> {
  const { openLink } = await import('../device/links/open.js')
  const port = await choosePort(context)
  return openLink(
    port,
    { baud: 115_200, signal: context.signal, patience: patienceOf(context.settings) },
    context.system,
  )
}
