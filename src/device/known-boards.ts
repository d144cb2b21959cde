import { join } from 'node:path'
import { WxError } from '../errors.js'
import type { System } from '../system.js'
import { isNamed, lastingName } from './ports.js'

/** What is remembered of a board between commands, by its MAC. */
export interface KnownBoard {
  /** Lower case hex with colons. */
  mac: string
  chip?: string
  port?: string
  usbSerial?: string
  /** The highest rate that has worked. */
  baud?: number
  /** Writes at this rate, one after the other, that lost nothing. */
  cleanRuns?: number
  /** Its ROM does not follow a change of rate. */
  hasSlowRom?: boolean
}

interface Memory {
  boards: KnownBoard[]
  /** Names that people give, each for a USB serial number or a MAC. */
  aliases: Record<string, string>
}

function path(system: System): string {
  return join(system.folders.data, 'boards.json')
}

export async function readMemory(system: System): Promise<Memory> {
  const text = await system.files.readText(path(system))
  const empty: Memory = { boards: [], aliases: {} }
  if (text === undefined) return empty
  try {
    return { ...empty, ...(JSON.parse(text) as Partial<Memory>) }
  } catch {
    // It only saves time: a broken memory is an empty one, and is written anew.
    return empty
  }
}

/** `edit` is pure. */
async function change(system: System, edit: (memory: Memory) => Memory): Promise<void> {
  const edited = async (): Promise<string | undefined> => {
    const text = `${JSON.stringify(edit(await readMemory(system)), undefined, 2)}\n`
    return text === (await system.files.readText(path(system))) ? undefined : text
  }
  // A board on its usual port says nothing new, and a write waits for the disk.
  if ((await edited()) === undefined) return
  await system.files.makeFolder(system.folders.data)
  await system.files.locked(path(system), async () => {
    const text = await edited()
    if (text !== undefined) await system.files.write(path(system), text)
  })
}

export async function rememberBoard(system: System, seen: KnownBoard): Promise<void> {
  const port = seen.port && (await lastingName(seen.port, system))
  const board = { ...seen, ...(port && { port }) }
  await change(system, ({ boards, aliases }) => {
    const before = boards.find(({ mac }) => mac === board.mac)
    return {
      aliases,
      boards: [...boards.filter(({ mac }) => mac !== board.mac), { ...before, ...board }],
    }
  })
}

/** The board that was last seen on a port; the USB serial number of its bridge says it best. */
export async function boardOn(
  port: string,
  usbSerial: string | undefined,
  system: System,
): Promise<KnownBoard | undefined> {
  const { boards } = await readMemory(system)
  const name = await lastingName(port, system)
  const fits = (board: KnownBoard): boolean =>
    board.usbSerial === undefined ? board.port === name : board.usbSerial === usbSerial
  return boards.findLast(fits)
}

/** Names a USB serial number or a MAC; undefined takes the name away. */
export async function setAlias(
  system: System,
  name: string,
  id: string | undefined,
): Promise<void> {
  await change(system, ({ boards, aliases }) => {
    const { [name]: _before, ...others } = aliases
    return { boards, aliases: id === undefined ? others : { ...others, [name]: id } }
  })
}

/** The alias of a port, by its USB serial or by the MAC last seen on it. Pure. */
export function aliasOf(
  { boards, aliases }: Memory,
  port: { path: string; serialNumber?: string; links?: string[] },
): string | undefined {
  const ids = new Set<string>()
  if (port.serialNumber) ids.add(port.serialNumber.toLowerCase())
  for (const board of boards) {
    const sameSerial = port.serialNumber !== undefined && board.usbSerial === port.serialNumber
    if (sameSerial || (isNamed(port, board.port) && board.usbSerial === undefined))
      ids.add(board.mac)
  }
  return Object.keys(aliases).find((name) => ids.has(aliases[name]?.toLowerCase() ?? ''))
}

/**
 * USB serial and path that `id:<text>` can mean: the text itself, an alias, or a MAC seen before.
 * `mac` is the board's own where the text names the board and not the bridge it hangs on. Pure.
 */
export function resolveId(
  { boards, aliases }: Memory,
  text: string,
): { serial: string; port: string | undefined; mac: string | undefined } {
  const id = (Object.hasOwn(aliases, text) ? aliases[text] : undefined) ?? text
  const mac = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(id) ? id.toLowerCase() : undefined
  const board = boards.find((one) => one.mac === mac)
  return { serial: board?.usbSerial ?? id, port: board?.port, mac }
}

/** Throws NO_BOARD where another board answers on a port than the one that was named, if one was. */
export function checkNamed(wanted: string | undefined, found: string, port: string): void {
  if (wanted === undefined || wanted === found) return
  throw new WxError('NO_BOARD', `The board on ${port} is ${found}, not ${wanted}.`, {
    hint: 'It was let go untouched. `wxstation ports --probe` tells which board is where.',
    details: { wanted, found, port },
  })
}
