import type { Link } from '../device/link.js'
import { choosePort, promisedMac } from './board.js'
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

/** Throws NO_BOARD where the name of the port promises another board than the one that answers. */
export async function checkPromised(context: Context, link: Link, mac: string): Promise<void> {
  const { checkNamed } = await import('../device/known-boards.js')
  checkNamed(await promisedMac(context, context.settings.get('port')), mac, link.url)
}
