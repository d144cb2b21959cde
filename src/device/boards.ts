/** Registers of the SPI controller that talks to the flash chip; offsets from `base`. */
interface SpiRegisters {
  base: number
  usr: number
  usr2: number
  misoLength: number
  data: number
}

/** Registers of the watchdog in the low-power domain, the one whose reset reads the strapping pins anew. */
interface WatchdogRegisters {
  config: number
  timeout: number
  protect: number
}

/** The super watchdog of chips with a USB of their own: told to, it feeds itself. */
interface SuperWatchdogRegisters {
  config: number
  protect: number
  key: number
  /** Bit of `config`. */
  autoFeed: number
}

/** What differs where the chip's USB-OTG carries the loader. */
interface OtgRegisters {
  /** Where the ROM notes through what it talks: `buff_uart_no` of its `UartDev`. */
  consoleAt(revision: number): number
  /** What it notes there for USB-OTG. */
  console: number
  /** The bit that makes every start one into the loader, as firmware sets it that was asked for that. */
  forced: { register: number; bit: number }
}

/** A chip as the ROM loader and an image's header tell it. Facts: esptool's targets, shared/serial-flash.md 3.4. */
export interface Chip {
  name: string
  /** Chip id in the extended image header (bytes 12-13) and in GET_SECURITY_INFO. */
  imageId: number
  /** Where the bootloader, and so a combined image, begins in flash. */
  bootloaderOffset: number
  /** Values of the word at 0x40001000; empty where only the chip id tells. */
  magic: number[]
  /** Two words with the MAC: low 32 bits, then the top 16 in the low half. */
  macRegister: number
  spi: SpiRegisters
  watchdog: WatchdogRegisters
  superWatchdog?: SuperWatchdogRegisters
  otg?: OtgRegisters
  /** The name MicroPython gives this chip's board files. */
  micropythonBoard: string
}

const spi = (base: number): SpiRegisters => ({
  base,
  usr: 0x18,
  usr2: 0x20,
  misoLength: 0x28,
  data: 0x58,
})

const watchdog = (config: number, protect: number): WatchdogRegisters => ({
  config,
  timeout: config + 4,
  protect,
})

/** Of the first chips that have one. */
const superWatchdog = (config: number): SuperWatchdogRegisters => ({
  config,
  protect: config + 4,
  key: 0x8f1d312a,
  autoFeed: 0x8000_0000,
})

/** Of those whose low-power domain has watchdogs of its own (LP_WDT): the same key opens both. */
const lowPowerSuperWatchdog = (config: number): SuperWatchdogRegisters => ({
  config,
  protect: config + 4,
  key: 0x50d83aa1,
  autoFeed: 1 << 18,
})

export const chips = {
  esp32: {
    name: 'ESP32',
    imageId: 0,
    bootloaderOffset: 0x1000,
    magic: [0x00f01d83],
    macRegister: 0x3ff5a004,
    spi: { base: 0x3ff42000, usr: 0x1c, usr2: 0x24, misoLength: 0x2c, data: 0x80 },
    watchdog: watchdog(0x3ff4808c, 0x3ff480a4),
    micropythonBoard: 'ESP32_GENERIC',
  },
  esp32s2: {
    name: 'ESP32-S2',
    imageId: 2,
    bootloaderOffset: 0x1000,
    magic: [0x000007c6],
    macRegister: 0x3f41a044,
    spi: spi(0x3f402000),
    watchdog: watchdog(0x3f408094, 0x3f4080ac),
    otg: { consoleAt: () => 0x3ffffd14, console: 2, forced: { register: 0x3f408128, bit: 1 } },
    micropythonBoard: 'ESP32_GENERIC_S2',
  },
  esp32s3: {
    name: 'ESP32-S3',
    imageId: 9,
    bootloaderOffset: 0x0,
    magic: [0x9],
    macRegister: 0x60007044,
    spi: spi(0x60002000),
    watchdog: watchdog(0x60008098, 0x600080b0),
    superWatchdog: superWatchdog(0x600080b4),
    otg: { consoleAt: () => 0x3fcef14c, console: 3, forced: { register: 0x6000812c, bit: 1 } },
    micropythonBoard: 'ESP32_GENERIC_S3',
  },
  esp32c2: {
    name: 'ESP32-C2',
    imageId: 12,
    bootloaderOffset: 0x0,
    magic: [],
    macRegister: 0x60008840,
    spi: spi(0x60002000),
    watchdog: watchdog(0x60008084, 0x6000809c),
    micropythonBoard: 'ESP32_GENERIC_C2',
  },
  esp32c3: {
    name: 'ESP32-C3',
    imageId: 5,
    bootloaderOffset: 0x0,
    magic: [0x6921506f, 0x1b31506f, 0x4881606f, 0x4361606f],
    macRegister: 0x60008844,
    spi: spi(0x60002000),
    watchdog: watchdog(0x60008090, 0x600080a8),
    superWatchdog: superWatchdog(0x600080ac),
    micropythonBoard: 'ESP32_GENERIC_C3',
  },
  esp32c5: {
    name: 'ESP32-C5',
    imageId: 23,
    bootloaderOffset: 0x2000,
    magic: [],
    macRegister: 0x600b4844,
    spi: spi(0x60003000),
    watchdog: watchdog(0x600b1c00, 0x600b1c18),
    superWatchdog: lowPowerSuperWatchdog(0x600b1c1c),
    micropythonBoard: 'ESP32_GENERIC_C5',
  },
  esp32c6: {
    name: 'ESP32-C6',
    imageId: 13,
    bootloaderOffset: 0x0,
    magic: [0x2ce0806f],
    macRegister: 0x600b0844,
    spi: spi(0x60003000),
    watchdog: watchdog(0x600b1c00, 0x600b1c18),
    superWatchdog: lowPowerSuperWatchdog(0x600b1c1c),
    micropythonBoard: 'ESP32_GENERIC_C6',
  },
  esp32c61: {
    name: 'ESP32-C61',
    imageId: 20,
    bootloaderOffset: 0x0,
    magic: [0x33f0206f, 0x2421606f],
    macRegister: 0x600b4844,
    spi: spi(0x60003000),
    watchdog: watchdog(0x600b1c00, 0x600b1c18),
    superWatchdog: lowPowerSuperWatchdog(0x600b1c1c),
    micropythonBoard: 'ESP32_GENERIC_C61',
  },
  esp32h2: {
    name: 'ESP32-H2',
    imageId: 16,
    bootloaderOffset: 0x0,
    magic: [],
    macRegister: 0x600b0844,
    spi: spi(0x60003000),
    watchdog: watchdog(0x600b1c00, 0x600b1c1c),
    superWatchdog: lowPowerSuperWatchdog(0x600b1c20),
    micropythonBoard: 'ESP32_GENERIC_H2',
  },
  esp32p4: {
    name: 'ESP32-P4',
    imageId: 18,
    bootloaderOffset: 0x2000,
    magic: [],
    macRegister: 0x5012d044,
    spi: spi(0x5008d000),
    watchdog: watchdog(0x50116000, 0x50116018),
    superWatchdog: lowPowerSuperWatchdog(0x5011601c),
    otg: {
      consoleAt: (revision: number) => (revision < 300 ? 0x4ff3fec8 : 0x4ffbfec8),
      console: 5,
      forced: { register: 0x50110008, bit: 4 },
    },
    micropythonBoard: 'ESP32_GENERIC_P4',
  },
} as const satisfies Record<string, Chip>

export type ChipName = keyof typeof chips
