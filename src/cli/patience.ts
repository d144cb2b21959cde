import { WxError } from '../errors.js'
import type { Settings } from './settings.js'

/** Beyond it a dead board would keep a command for hours. */
const most = 100

/**
 * The factor on every deadline of a board: an emulated chip may be ten times slower than the real
 * one the deadlines were made for. What a person is waited for, and servers, it leaves alone.
 */
export function patienceOf(settings: Settings): number {
  const text = settings.get('patience') ?? '1'
  const factor = Number(text)
  if (text.trim() !== '' && factor >= 1 && factor <= most) return factor
  throw new WxError(
    'SETTINGS_INVALID',
    `"patience" is "${text}": it takes a number from 1 to ${most}.`,
    {
      hint: 'Set WXSTATION_PATIENCE, for example to 10, or leave it out.',
    },
  )
}
