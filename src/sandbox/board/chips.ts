import { type ChipName, chips } from '../../device/boards.js'

/** Where a chip keeps the registers of its flash controller, relative to `base`. */
interface SpiRegisters {
  base: number
  address: number
  user: number
  user1: number
  user2: number
  misoLength: number
  data: number
  /** The address word is left-justified (true) or right-justified. */
  addressFromTop: boolean
}

interface MemoryArea {
  from: number
  /** The first address behind it. */
  to: number
  isWritable: boolean
}

/** What the silicon of a chip shows to a loader. Facts: shared/serial-flash.md 3.4, esptool's targets. */
export interface Silicon {
  readonly chip: ChipName
  readonly imageId: number
  readonly bootloaderOffset: number
  readonly magic: number
  readonly spi: SpiRegisters
  /** The watchdog of the low-power domain. */
  readonly watchdog: { config: number; protect: number }
  /** First of the two eFuse words with the MAC. */
  readonly macWord: number
  /** Words that read as something but 0 after a reset. */
  readonly words: Readonly<Record<number, number>>
  /** What the CPU can reach without an exception. */
  readonly memory: readonly MemoryArea[]
  /** Lines of the ROM before the reset reason. */
  readonly greeting: readonly string[]
  readonly bootNames: Readonly<Record<number, string>>
  readonly straps: { flash: number; download: number }
  /** GPIO_STRAP: how the strapping pins stood at the last reset that reads them. */
  readonly strapWord: number
  readonly resetNames: Readonly<Record<number, string>>
  /** Has GET_SECURITY_INFO; the ESP32 answers it as unknown. */
  readonly hasSecurityInfo: boolean
  /** Its owner has burnt flash encryption: as the ESP32's eFuses show it, and as the others tell it. */
  readonly isEncrypted?: boolean
  /** The ESP32's ROM falls into a BASIC interpreter where others only complain. */
  readonly hasBasic: boolean
  /** Addresses at which loaders put their stubs: the older one (v1) and the newer one (v2). */
  readonly stubCode: readonly number[]
}

const newSpi = {
  address: 0x04,
  user: 0x18,
  user1: 0x1c,
  user2: 0x20,
  misoLength: 0x28,
  data: 0x58,
  addressFromTop: false,
}
const newResets = {
  1: 'POWERON',
  3: 'RTC_SW_SYS_RST',
  5: 'DSLEEP',
  7: 'TG0WDT_SYS_RST',
  12: 'RTC_SW_CPU_RST',
  15: 'BROWN_OUT_RST',
  16: 'RTCWDT_RTC_RST',
}

const area = (from: number, to: number, isWritable = true): MemoryArea => ({
  from,
  to,
  isWritable,
})

/** ESP32 Technical Reference Manual, table 1-1: flash as data, peripherals, RAM, ROM and flash as code. */
const esp32Memory = [
  area(0x3f400000, 0x3f800000, false),
  area(0x3ff00000, 0x3ff90000),
  area(0x3ff90000, 0x3ffae000, false),
  area(0x3ffae000, 0x40000000),
  area(0x40000000, 0x40070000, false),
  area(0x40070000, 0x400c2000),
  area(0x400c2000, 0x40c00000, false),
  area(0x50000000, 0x50002000),
  area(0x60000000, 0x60080000),
]
/** Of the newer chips nobody has recorded what is missing. */
const anyMemory = [area(0, 2 ** 32)]

export const silicon = {
  esp32: {
    ...identity('esp32'),
    spi: {
      base: 0x3ff42000,
      address: 0x04,
      user: 0x1c,
      user1: 0x20,
      user2: 0x24,
      misoLength: 0x2c,
      data: 0x80,
      addressFromTop: true,
    },
    macWord: 0x3ff5a004,
    // UART date, chip version and package, APB_CTL_DATE, UART0 divider: as rom.jsonl has them;
    // the first word of the ROM: boot.jsonl.
    words: {
      1073741824: 0x1049c500,
      1610612856: 0x15122500,
      1073061900: 0x8000,
      1073111164: 0x96042000,
      1072955412: 0x15a,
    },
    memory: esp32Memory,
    greeting: ['ets Jul 29 2019 12:21:46', ''],
    bootNames: {
      18: 'SPI_FAST_FLASH_BOOT',
      19: 'SPI_FAST_FLASH_BOOT',
      3: 'DOWNLOAD_BOOT(UART0/UART1/SDIO_REI_REO_V2)',
      15: 'UART_BOOT(UART0)',
    },
    straps: { flash: 0x12, download: 0x03 },
    strapWord: 0x3ff44038,
    resetNames: {
      1: 'POWERON_RESET',
      3: 'SW_RESET',
      5: 'DEEPSLEEP_RESET',
      12: 'SW_CPU_RESET',
      15: 'RTCWDT_BROWN_OUT_RESET',
      16: 'RTCWDT_RTC_RESET',
    },
    hasSecurityInfo: false,
    hasBasic: true,
    stubCode: [0x400be000, 0x400a8000],
  },
  esp32s3: {
    ...identity('esp32s3'),
    spi: { base: 0x60002000, ...newSpi },
    macWord: 0x60007044,
    words: {},
    memory: anyMemory,
    greeting: ['ESP-ROM:esp32s3-20210327', 'Build:Mar 27 2021'],
    bootNames: { 8: 'SPI_FAST_FLASH_BOOT', 0: 'DOWNLOAD(USB/UART0)' },
    straps: { flash: 0x08, download: 0x00 },
    strapWord: 0x60004038,
    resetNames: newResets,
    hasSecurityInfo: true,
    hasBasic: false,
    stubCode: [0x40378000],
  },
  esp32c3: {
    ...identity('esp32c3'),
    spi: { base: 0x60002000, ...newSpi },
    macWord: 0x60008844,
    words: {},
    memory: anyMemory,
    greeting: ['ESP-ROM:esp32c3-api1-20210207', 'Build:Feb  7 2021'],
    bootNames: { 12: 'SPI_FAST_FLASH_BOOT', 4: 'DOWNLOAD(USB/UART0/1)' },
    straps: { flash: 0x0c, download: 0x04 },
    strapWord: 0x60004038,
    resetNames: newResets,
    hasSecurityInfo: true,
    hasBasic: false,
    stubCode: [0x40380000],
  },
  esp32c6: {
    ...identity('esp32c6'),
    spi: { base: 0x60003000, ...newSpi },
    macWord: 0x600b0844,
    words: {},
    memory: anyMemory,
    greeting: ['ESP-ROM:esp32c6-20220919', 'Build:Sep 19 2022'],
    bootNames: { 12: 'SPI_FAST_FLASH_BOOT', 4: 'DOWNLOAD(USB/UART0/SDIO_FEI_FEO)' },
    straps: { flash: 0x0c, download: 0x04 },
    strapWord: 0x60091038,
    resetNames: newResets,
    hasSecurityInfo: true,
    hasBasic: false,
    stubCode: [0x40800000],
  },
} satisfies Partial<Record<ChipName, Silicon>>

/** Chips a virtual board can be. */
export type SiliconName = keyof typeof silicon

function identity(
  chip: ChipName,
): Pick<Silicon, 'chip' | 'imageId' | 'bootloaderOffset' | 'magic' | 'watchdog'> {
  const { imageId, bootloaderOffset, magic, watchdog } = chips[chip]
  return { chip, imageId, bootloaderOffset, magic: magic[0] ?? 0, watchdog }
}

/** FLASH_CRYPT_CNT is bits 20-26 of the ESP32's first eFuse word; an odd number of them is "on". */
const fuseWord0 = 0x3ff5a000

/** The same silicon with flash encryption switched on for good. */
export function encrypted(part: Silicon): Silicon {
  const words = part.hasSecurityInfo ? part.words : { ...part.words, [fuseWord0]: 1 << 20 }
  return { ...part, words, isEncrypted: true }
}
