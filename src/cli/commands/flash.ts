import { Option } from 'commander'
import { type FlashFlags, flashCommand } from '../flash.js'
import type { AddCommand } from '../main.js'
import { collect, parseCount } from '../options.js'

export const addFlash: AddCommand = (program, handle) => {
  program
    .command('flash')
    .argument(
      '<firmware>',
      'micropython[@version], micropython@latest, espruino[@version] or an image file',
    )
    .description('put firmware on boards: write what differs, verify, wait until it answers')
    .helpGroup('Device')
    .option('-p, --port <port>', 'board to flash; repeat it for several', collect)
    .addOption(new Option('--all', 'flash every board that is plugged in').conflicts('port'))
    .option('--retry-failed', 'flash those that failed last time')
    .option('--jobs <number>', 'boards to work on at once', parseCount, 8)
    .option('--erase', 'wipe the whole chip first, files and settings too')
    .option('--dry-run', 'print the plan and write nothing')
    .option('--force', 'write every sector; take an image made for a newer chip revision')
    .option('--stock-partitions', 'keep the official partition table, without the queue')
    .addOption(
      new Option('--keep-files', 'save what has to move, and put files back').conflicts([
        'discardFiles',
        'erase',
      ]),
    )
    .option('--discard-files', 'let go of what has no place in the new layout')
    .option('--variant <name>', 'build variant, such as SPIRAM')
    .option('--baud <rate>', 'rate to write at, instead of the highest that works', parseCount)
    .option('--offline', 'use the cache only')
    .option('--no-wait', 'give up at once when a board does not enter its loader')
    .addHelpText(
      'after',
      '\nExamples:\n  wxstation flash micropython\n  wxstation flash ./firmware.bin --port /dev/ttyUSB0 --dry-run',
    )
    .action(
      handle((context, firmware: string, flags: FlashFlags) =>
        flashCommand(context, firmware, flags),
      ),
    )
}
