import { WxError } from '../../errors.js'
import type { AddCommand } from '../main.js'
import { table } from '../render/tables.js'

export const addAlias: AddCommand = (program, handle) => {
  program
    .command('alias')
    .argument('[name]', 'name to give or, with --remove, to take away')
    .argument('[id]', 'USB serial number or MAC of the board')
    .description('name boards, so that --port id:<name> finds them in any socket')
    .helpGroup('Device')
    .option('--remove', 'take the name away')
    .addHelpText(
      'after',
      '\nExamples:\n  wxstation alias roof 24:0a:c4:12:34:56\n  wxstation flash micropython --port id:roof',
    )
    .action(
      handle(async ({ system }, name?: string, id?: string, flags?: { remove?: boolean }) => {
        const { readMemory, setAlias } = await import('../../device/known-boards.js')
        const { aliases } = await readMemory(system)
        if (name === undefined) {
          return {
            data: { aliases },
            pretty: (paint) =>
              Object.keys(aliases).length === 0
                ? [paint.dim('No names yet: wxstation alias <name> <usb serial or MAC>')]
                : table([{ title: 'Name' }, { title: 'Board' }], Object.entries(aliases)),
          }
        }
        if (flags?.remove) {
          if (!(name in aliases)) throw new WxError('USAGE', `There is no alias "${name}".`)
          await setAlias(system, name, undefined)
          return {
            data: { removed: name },
            pretty: (paint) => [`${paint.good('✔')} "${name}" is no name of a board any more.`],
          }
        }
        if (id === undefined)
          throw new WxError('USAGE', `Which board is "${name}"?`, {
            hint: 'Give its USB serial number or MAC: `wxstation ports` shows them.',
          })
        if (!/^[\w.-]{1,32}$/.test(name))
          throw new WxError('USAGE', `"${name}" is no name for a board.`, {
            hint: 'Use letters, digits, dots and dashes, 32 at most.',
          })
        await setAlias(system, name, id)
        return {
          data: { name, id },
          pretty: (paint) => [
            `${paint.good('✔')} ${id} is called "${name}" now: use it with --port id:${name}`,
          ],
        }
      }),
    )
}
