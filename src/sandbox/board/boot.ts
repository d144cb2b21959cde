import type { Silicon } from './chips.js'
import type { Flash } from './flash.js'
import { type Image, type ImageFault, readApp, readImage } from './image.js'
import { bootOrder, readPartitionTable } from './partition-table.js'
import type { AppImage } from './runtime.js'

/** How a boot from flash ends; the lines before it are already in `lines`. */
export type BootEnd =
  | { to: 'app'; app: AppImage }
  /** The ROM complains once more and once more until its watchdog bites. */
  | { to: 'complaint'; line: string }
  /** The bootloader gives up and resets the chip by software. */
  | { to: 'restart' }
  /** The ESP32's ROM has a BASIC interpreter for those who have no image. */
  | { to: 'basic' }

export interface Boot {
  lines: string[]
  end: BootEnd
}

const modes = ['QIO', 'QOUT', 'DIO', 'DOUT', 'FAST_READ', 'SLOW_READ']
const fallback = ['Falling back to built-in command interpreter.', 'OK']

/** The first lines of the ROM after a reset: who it is, why it was reset, how its straps stand. */
export function greeting(silicon: Silicon, resetCode: number, strap: number): string[] {
  const reset = silicon.resetNames[resetCode] ?? 'UNKNOWN'
  const boot = silicon.bootNames[strap] ?? 'UNKNOWN'
  return [
    ...silicon.greeting,
    `rst:${hex(resetCode)} (${reset}),boot:${hex(strap)} (${boot})`,
    ...(boot.startsWith('DOWNLOAD') ? ['waiting for download'] : []),
  ]
}

/** ROM, then second-stage bootloader, as boot.jsonl recorded them. `ms` stamps the bootloader's log. */
export function bootFromFlash(flash: Flash, silicon: Silicon, ms: number): Boot {
  const loader = readImage(flash, silicon.bootloaderOffset, silicon)
  if (loader.fault?.kind === 'magic') {
    return complaint(`invalid header: 0x${loader.firstWord.toString(16).padStart(8, '0')}`)
  }
  if (loader.fault?.kind === 'chip') {
    return complaint(`wrong chip id 0x${loader.chipId.toString(16).padStart(4, '0')}`)
  }
  const lines = loadLines(loader, silicon)
  if (loader.fault) return brokenLoader(lines, loader.fault, silicon)
  lines.push(`entry ${hex(loader.entry)}`)
  const partitions = readPartitionTable(flash)
  const log = (tag: string, text: string): void => {
    lines.push(`\x1b[0;31mE (${ms}) ${tag}: ${text}\x1b[0m`)
  }
  if (!Array.isArray(partitions)) {
    log(
      'flash_parts',
      partitions.kind === 'md5'
        ? 'Incorrect MD5 checksum'
        : `partition ${partitions.index} invalid magic number 0x${partitions.magic.toString(16)}`,
    )
    log('boot', 'Failed to verify partition table')
    log('boot', 'load partition table error!')
    return { lines, end: { to: 'restart' } }
  }
  for (const { offset, name } of bootOrder(flash, partitions)) {
    const image = readImage(flash, offset, silicon)
    if (!image.fault) return { lines, end: { to: 'app', app: readApp(flash, offset, image) } }
    log(...appFault(image, offset, silicon))
    log('boot', `${name} is not bootable`)
  }
  log('boot', 'No bootable app partitions in the partition table')
  return { lines, end: { to: 'restart' } }
}

/** What the ROM says when FLASH_END makes it boot without a reset and there is nothing to boot. */
export const nothingToBoot = ['flash read err, 631', ...fallback]

function complaint(line: string): Boot {
  return { lines: [], end: { to: 'complaint', line } }
}

function loadLines(loader: Image, silicon: Silicon): string[] {
  const isFirst = silicon.chip === 'esp32'
  const length = (size: number): string => (isFirst ? String(size) : hex(size))
  const drives = 'clk_drv:0x00,q_drv:0x00,d_drv:0x00,cs0_drv:0x00,hd_drv:0x00,wp_drv:0x00'
  return [
    ...(isFirst ? ['configsip: 0, SPIWP:0xee', drives] : ['SPIWP:0xee']),
    `mode:${modes[loader.mode] ?? 'DIO'}, clock div:${loader.clockDivider}`,
    ...loader.segments.map(({ address, size }) => `load:${hex(address)},len:${length(size)}`),
  ]
}

function brokenLoader(lines: string[], fault: ImageFault, silicon: Silicon): Boot {
  const line =
    fault.kind === 'checksum'
      ? `csum err:${hex(fault.calculated)}!=${hex(fault.stored)}`
      : 'ets_main.c 371'
  if (!silicon.hasBasic) return { lines, end: { to: 'complaint', line } }
  return { lines: [...lines, line, ...fallback], end: { to: 'basic' } }
}

function appFault(image: Image, offset: number, silicon: Silicon): [tag: string, text: string] {
  const { fault } = image
  switch (fault?.kind) {
    case 'chip':
      return ['boot_comm', `mismatch chip ID, expected ${silicon.imageId}, found ${image.chipId}`]
    case 'segments':
      return ['esp_image', `image at ${hex(offset)} segment count ${fault.count} exceeds max 16`]
    case 'length':
      return ['esp_image', `invalid segment length ${hex(fault.length)}`]
    case 'checksum':
      return [
        'esp_image',
        `Checksum failed. Calculated ${hex(fault.calculated)} read ${hex(fault.stored)}`,
      ]
    case 'hash':
      return ['esp_image', 'Image hash failed - image is corrupt']
    default:
      return ['esp_image', `image at ${hex(offset)} has invalid magic byte (nothing flashed here?)`]
  }
}

function hex(value: number): string {
  return `0x${value.toString(16)}`
}
