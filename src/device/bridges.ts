/** A USB chip between computer and board, as its vendor and product id tell it. */
export interface Bridge {
  vendorId: number
  /** Undefined stands for every other product of this vendor. */
  productId?: number
  name: string
  /** What such a bridge usually sits on. */
  board: string
  /** Highest rate that bridge and driver carry reliably, baud (data sheets; esptool#145, #255). */
  maxBaud: number
  /** How much it speaks for an ESP32: 3 Espressif's own, 2 usual on boards, 1 usual elsewhere too. */
  weight: 1 | 2 | 3
}

/** First match wins: exact products before whole vendors. 10c4:ea60 alone proves nothing, hence no board name. */
export const bridges: Bridge[] = [
  {
    vendorId: 0x303a,
    productId: 0x1001,
    name: 'USB-Serial-JTAG',
    board: 'ESP32-C3/S3/C6',
    maxBaud: 2_000_000,
    weight: 3,
  },
  {
    vendorId: 0x303a,
    productId: 0x0002,
    name: 'USB-OTG loader',
    board: 'ESP32-S2',
    maxBaud: 2_000_000,
    weight: 3,
  },
  {
    vendorId: 0x303a,
    productId: 0x4001,
    name: 'TinyUSB',
    board: 'ESP32-S2/S3, MicroPython',
    maxBaud: 2_000_000,
    weight: 3,
  },
  { vendorId: 0x303a, name: 'Espressif USB', board: 'ESP32', maxBaud: 2_000_000, weight: 3 },
  {
    vendorId: 0x10c4,
    productId: 0xea60,
    name: 'CP2102/CP2104',
    board: 'ESP32 board',
    maxBaud: 921_600,
    weight: 2,
  },
  {
    vendorId: 0x10c4,
    productId: 0xea70,
    name: 'CP2105',
    board: 'ESP32 board',
    maxBaud: 2_000_000,
    weight: 2,
  },
  {
    vendorId: 0x10c4,
    productId: 0xea71,
    name: 'CP2108',
    board: 'ESP32 board',
    maxBaud: 2_000_000,
    weight: 2,
  },
  {
    vendorId: 0x1a86,
    productId: 0x7523,
    name: 'CH340',
    board: 'ESP32 board',
    maxBaud: 921_600,
    weight: 2,
  },
  {
    vendorId: 0x1a86,
    productId: 0x5523,
    name: 'CH341',
    board: 'ESP32 board',
    maxBaud: 921_600,
    weight: 2,
  },
  {
    vendorId: 0x1a86,
    productId: 0x55d3,
    name: 'CH343',
    board: 'ESP32 board',
    maxBaud: 2_000_000,
    weight: 2,
  },
  {
    vendorId: 0x1a86,
    productId: 0x55d4,
    name: 'CH9102',
    board: 'ESP32 board',
    maxBaud: 2_000_000,
    weight: 2,
  },
  {
    vendorId: 0x0403,
    productId: 0x6001,
    name: 'FT232R',
    board: 'ESP32 board',
    maxBaud: 2_000_000,
    weight: 2,
  },
  {
    vendorId: 0x0403,
    productId: 0x6010,
    name: 'FT2232',
    board: 'ESP-Prog or Wrover kit',
    maxBaud: 2_000_000,
    weight: 2,
  },
  {
    vendorId: 0x0403,
    productId: 0x6014,
    name: 'FT232H',
    board: 'ESP32 board',
    maxBaud: 2_000_000,
    weight: 2,
  },
  {
    vendorId: 0x0403,
    productId: 0x6015,
    name: 'FT231X',
    board: 'ESP32 board',
    maxBaud: 2_000_000,
    weight: 2,
  },
  { vendorId: 0x0403, name: 'FTDI', board: 'serial adapter', maxBaud: 921_600, weight: 1 },
  { vendorId: 0x067b, name: 'PL2303', board: 'serial adapter', maxBaud: 460_800, weight: 1 },
]

export function findBridge(
  vendorId: number | undefined,
  productId: number | undefined,
): Bridge | undefined {
  return bridges.find(
    (one) =>
      one.vendorId === vendorId && (one.productId === undefined || one.productId === productId),
  )
}
