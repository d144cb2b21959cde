import type { Command } from 'commander'
import { type ChipName, chips } from '../../device/boards.js'
import { WxError } from '../../errors.js'
import type { AddCommand, Handle } from '../main.js'
import { bytesText, table } from '../render/tables.js'

export const addFirmware: AddCommand = (program, handle) => {
  const firmware = program
    .command('firmware')
    .description('list, fetch and clean firmware on this computer')
    .helpGroup('Device')
  addList(firmware, handle)
  addFetch(firmware, handle)
  firmware
    .command('clean')
    .description('remove fetched firmware and what was remembered of it')
    .addHelpText(
      'after',
      '\nExamples:\n  wxstation firmware clean\n  wxstation firmware clean --json',
    )
    .action(
      handle(async ({ system }) => {
        const { cacheFolder } = await import('../../device/download.js')
        await system.files.remove(cacheFolder(system))
        return {
          data: { removed: cacheFolder(system) },
          pretty: (paint) => [`${paint.good('✔')} The cache is empty.`],
        }
      }),
    )
}

function addList(firmware: Command, handle: Handle): void {
  firmware
    .command('list')
    .description('show what can be flashed, and what is here already')
    .option('--offline', 'use the cache only')
    .addHelpText(
      'after',
      '\nExamples:\n  wxstation firmware list\n  wxstation firmware list --json',
    )
    .action(
      handle(async ({ system, settings, signal }, flags: { offline?: true }) => {
        const { loadCatalog } = await import('../../device/firmware.js')
        const { cachePath } = await import('../../device/download.js')
        const mirror = settings.get('firmware.mirror')
        const options = { mirror, offline: flags.offline ?? false, signal }
        const catalog = await loadCatalog(options, system)
        const rows = await Promise.all(
          catalog.map(async (one) => {
            const here = await Promise.all(
              one.parts.map(({ url }) => system.files.stat(cachePath(url, system))),
            )
            return { ...one, cached: here.every(Boolean) }
          }),
        )
        return {
          data: { firmware: rows },
          pretty: () =>
            table(
              [
                { title: 'Firmware' },
                { title: 'Chip' },
                { title: 'Date' },
                { title: 'Size', align: 'right' },
                { title: 'Hash' },
                { title: 'Here' },
              ],
              rows.map(({ runtime, version, chip, date, parts, cached }) => {
                const size = parts.reduce((sum, part) => sum + (part.size ?? Number.NaN), 0)
                const isPinned = parts.every(({ sha256 }) => sha256)
                return [
                  `${runtime}@${version}`,
                  chips[chip].name,
                  date,
                  Number.isNaN(size) ? '' : bytesText(size),
                  isPinned ? 'pinned' : 'at first use',
                  cached ? 'cached' : '',
                ]
              }),
            ),
        }
      }),
    )
}

function addFetch(firmware: Command, handle: Handle): void {
  firmware
    .command('fetch')
    .description('fetch firmware for a chip, for later use without a network')
    .argument('<name>', 'micropython[@version], micropython@latest or espruino[@version]')
    .option('--chip <chip>', 'esp32, esp32s3, esp32c3…', 'esp32')
    .option('--variant <name>', 'build variant, such as SPIRAM')
    .addHelpText(
      'after',
      '\nExamples:\n  wxstation firmware fetch micropython\n  wxstation firmware fetch micropython@1.28.0 --chip esp32s3',
    )
    .action(
      handle(
        async (
          { system, settings, signal, report },
          name: string,
          flags: { chip: string; variant?: string },
        ) => {
          const { chooseFirmware, parseFirmwareName } = await import('../../device/firmware.js')
          const { fetchFirmware } = await import('../../device/fetched-firmware.js')
          const named = parseFirmwareName(name)
          if (!named) throw new WxError('FIRMWARE_UNKNOWN', `"${name}" is no firmware's name.`)
          if (!Object.hasOwn(chips, flags.chip)) {
            throw new WxError('USAGE', `"${flags.chip}" is no chip.`, {
              hint: `Give one of ${Object.keys(chips).join(', ')}.`,
            })
          }
          const options = { mirror: settings.get('firmware.mirror'), offline: false, signal }
          const { variant } = flags
          const wanted = { ...named, chip: flags.chip as ChipName, ...(variant && { variant }) }
          const chosen = await chooseFirmware(wanted, options, system)
          const { parts } = await fetchFirmware(chosen, options, system, (done, total) =>
            report({ type: 'progress', stage: 'fetch', done, total, unit: 'bytes' }),
          )
          return {
            data: { ...chosen, parts },
            pretty: (paint) => [
              `${paint.good('✔')} ${chosen.runtime}@${chosen.version} for the ${chips[chosen.chip].name} is here.`,
              ...parts.map(({ sha256 }) => `  sha256 ${sha256}`),
            ],
          }
        },
      ),
    )
}
