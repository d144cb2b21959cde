import type { Command } from 'commander'
import type { BoardContext, BoardOptions } from '../../device/board-flash.js'
import { WxError } from '../../errors.js'
import { choosePort, promisedMac } from '../board.js'
import type { Context } from '../context.js'
import type { AddCommand, Handle } from '../main.js'
import { parseCount, parseSize } from '../options.js'
import { patienceOf } from '../patience.js'
import { boardLines } from '../render/flash.js'
import { bytesText } from '../render/tables.js'

/** No chip of the family takes more. */
const largestFlash = 32 * 1024 * 1024

interface Flags {
  port?: string
  baud?: number
  wait: boolean
  offset: number
  size?: number
}

export const addBoard: AddCommand = (program, handle) => {
  const board = program
    .command('board')
    .description('look at a chip, save and restore its flash, erase it')
    .helpGroup('Device')
  addInfo(board, handle)
  addBackup(board, handle)
  addRestore(board, handle)
  addErase(board, handle)
}

/** What cannot be undone is asked first. Throws INTERRUPTED, or the usage error that names --yes. */
async function confirm(
  { options, prompts }: Context,
  question: string,
  refused: string,
): Promise<void> {
  if (options.yes || (await prompts.confirm(question, { flag: '--yes' }))) return
  throw new WxError('INTERRUPTED', refused, { hint: 'The board is as it was.' })
}

/** The file whole, before any board is touched. */
async function readBackup({ system }: Context, file: string): Promise<Uint8Array> {
  const unreadable = (cause: unknown): never => {
    throw new WxError('FILE_UNREADABLE', `${file} cannot be read.`, { cause })
  }
  const stat = await system.files.stat(file).catch(unreadable)
  if (!stat || stat.isFolder) throw new WxError('FILE_UNREADABLE', `There is no file "${file}".`)
  if (stat.size === 0 || stat.size > largestFlash) {
    throw new WxError('IMAGE_INVALID', `${file} is no flash: it has ${stat.size} bytes.`, {
      hint: 'Give a file that `wxstation board backup` made.',
    })
  }
  return (await system.files.read(file).catch(unreadable)) ?? new Uint8Array(0)
}

function verb(board: Command, name: string, description: string): Command {
  return board
    .command(name)
    .description(description)
    .option('-p, --port <port>', 'board to use')
    .option('--baud <rate>', 'rate, instead of the highest that works', parseCount)
    .option('--no-wait', 'give up at once when the board does not enter its loader')
}

async function optionsOf(context: Context, flags: Flags): Promise<[BoardOptions, BoardContext]> {
  const port = await choosePort(context, flags.port)
  const mac = await promisedMac(context, flags.port ?? context.settings.get('port'))
  return [
    {
      port,
      mac,
      waitForButtons: flags.wait,
      baud: flags.baud,
      patience: patienceOf(context.settings),
    },
    { report: context.report, signal: context.signal },
  ]
}

function addInfo(board: Command, handle: Handle): void {
  verb(board, 'info', 'show chip, flash and partitions; the board restarts')
    .addHelpText('after', '\nExamples:\n  wxstation board info\n  wxstation board info --json')
    .action(
      handle(async (context, flags: Flags) => {
        const { boardInfo } = await import('../../device/board-flash.js')
        const [options, during] = await optionsOf(context, flags)
        const info = await boardInfo(options, context.system, during)
        const isBlank = !info.isSecured && info.partitions.length === 0
        return {
          data: { ...info },
          pretty: () => boardLines(info),
          ...(isBlank && { next: 'wxstation flash micropython' }),
        }
      }),
    )
}

function addBackup(board: Command, handle: Handle): void {
  verb(
    board,
    'backup',
    'read the flash into a file; only what is not known, and goes on where it broke off',
  )
    .argument('<file>', 'file to write')
    .option('--offset <address>', 'where to begin', parseSize, 0)
    .option('--size <bytes>', 'how much; default is to the end of the chip', parseSize)
    .addHelpText(
      'after',
      '\nExamples:\n  wxstation board backup roof.bin\n  wxstation board backup vfs.bin --offset 0x200000 --size 256K',
    )
    .action(
      handle(async (context, file: string, flags: Flags) => {
        const { backupBoard } = await import('../../device/flash-backup.js')
        const [options, during] = await optionsOf(context, flags)
        const range = { offset: flags.offset, size: flags.size }
        const done = await backupBoard(file, range, options, context.system, during)
        return {
          data: { file, ...done },
          pretty: (paint) => [
            `${paint.good('✔')} ${file}: ${bytesText(done.size)}, verified; ${bytesText(done.readBytes)} had to be read`,
            `  sha256 ${done.sha256}`,
          ],
        }
      }),
    )
}

function addRestore(board: Command, handle: Handle): void {
  verb(board, 'restore', 'write a file to the flash as it is; only what differs')
    .argument('<file>', 'file that backup made')
    .option('--offset <address>', 'where it belongs', parseSize, 0)
    .addHelpText(
      'after',
      '\nExamples:\n  wxstation board restore roof.bin\n  wxstation board restore vfs.bin --offset 0x200000',
    )
    .action(
      handle(async (context, file: string, flags: Flags) => {
        const bytes = await readBackup(context, file)
        const { restoreBoard } = await import('../../device/board-flash.js')
        const [options, during] = await optionsOf(context, flags)
        const place = `${bytesText(bytes.length)} at 0x${flags.offset.toString(16)} of ${options.port}`
        await confirm(context, `Overwrite ${place} with ${file}?`, 'Nothing was written.')
        const range = { offset: flags.offset, size: undefined }
        const done = await restoreBoard(bytes, range, options, context.system, during)
        return {
          data: { file, ...done },
          pretty: (paint) => [
            `${paint.good('✔')} ${file}: ${bytesText(done.size)} on the board, ${done.sectorsWritten} sectors written, verified`,
          ],
        }
      }),
    )
}

function addErase(board: Command, handle: Handle): void {
  verb(board, 'erase', 'wipe the whole chip, files and settings too')
    .addHelpText('after', '\nExamples:\n  wxstation board erase\n  wxstation board erase --yes')
    .action(
      handle(async (context, flags: Flags) => {
        const { eraseBoard } = await import('../../device/board-flash.js')
        const [options, during] = await optionsOf(context, flags)
        const question = `Erase everything on ${options.port}, files and settings too?`
        await confirm(context, question, 'Nothing was erased.')
        return { data: { erased: true, ...(await eraseBoard(options, context.system, during)) } }
      }),
    )
}
