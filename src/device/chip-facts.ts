import { WxError } from '../errors.js'
import { type ChipName, chips } from './boards.js'
import { answerTimeoutMs, type CommandPort, op, probeRegister, words } from './commands.js'

/** What the loader found out about chip and flash. */
export interface ChipFacts {
  chip: ChipName
  /** As major * 100 + minor. */
  revision: number
  mac: Uint8Array
  flashSizeBytes: number
  flashId: number
  /** Secure boot or flash encryption is on: the chip takes images of its owner only. */
  isSecured: boolean
}

/** As people write it: 24:0a:c4:01:02:03. */
export function macText(mac: Uint8Array): string {
  return [...mac].map((byte) => byte.toString(16).padStart(2, '0')).join(':')
}

export async function readRegister(
  port: CommandPort,
  address: number,
  timeoutMs = answerTimeoutMs,
): Promise<number> {
  const { value } = await port.command(op.READ_REG, words(address), {
    timeoutMs,
    repeatable: true,
  })
  return value
}

/** No checksum covers a register's address and value: what is a fact must be read twice alike. */
async function readFact(port: CommandPort, address: number): Promise<number> {
  let before = await readRegister(port, address)
  for (let n = 0; n < 4; n++) {
    const value = await readRegister(port, address)
    if (value === before) return value
    before = value
  }
  throw new WxError('BOARD_SILENT', 'The board answers the same question differently each time.')
}

export async function writeRegister(
  port: CommandPort,
  address: number,
  value: number,
): Promise<void> {
  await port.command(op.WRITE_REG, words(address, value, 0xffffffff, 0), { repeatable: true })
}

/** By the ROM's magic word where a chip has one, else by the chip id of its security info. */
export async function identify(port: CommandPort): Promise<ChipName> {
  const names = Object.keys(chips) as ChipName[]
  const magic = await readFact(port, probeRegister)
  const byMagic = names.find((name) => (chips[name].magic as readonly number[]).includes(magic))
  if (byMagic) return byMagic
  const info = await anySecurityInfo(port)
  const id =
    info && info.length >= 16
      ? new DataView(info.buffer, info.byteOffset).getUint32(12, true)
      : undefined
  const byId = names.find((name) => chips[name].imageId === id)
  if (byId) return byId
  const what = `0x${magic.toString(16)}${id === undefined ? '' : `, id ${id}`}`
  throw new WxError('BOARD_FAULT', `The chip on this port is unknown (${what}).`, {
    hint: 'wxstation knows the ESP32, S2, S3, C2, C3, C5, C6, C61, H2 and P4.',
    details: { magic, id },
  })
}

async function securityInfo(port: CommandPort): Promise<Uint8Array> {
  const options = { timeoutMs: 500, repeatable: true }
  return (await port.command(op.GET_SECURITY_INFO, new Uint8Array(0), options)).data
}

/** As far as an unknown chip has any. */
async function anySecurityInfo(port: CommandPort): Promise<Uint8Array | undefined> {
  try {
    return await securityInfo(port)
  } catch (error) {
    // The original ESP32 does not know the command; what it answers is no information.
    if (
      error instanceof WxError &&
      (error.code === 'FLASH_FAILED' || error.code === 'BOARD_SILENT')
    )
      return undefined
    throw error
  }
}

const efuseBase = 0x3ff5a000

/** Secure boot or flash encryption, from GET_SECURITY_INFO or the ESP32's efuses. */
export async function readSecured(port: CommandPort, chip: ChipName): Promise<boolean> {
  if (chip === 'esp32') {
    // FLASH_CRYPT_CNT is bits 20-26 of word 0 (odd = on); ABS_DONE_0/1 are bits 4 and 5 of word 6.
    const count = ((await readFact(port, efuseBase)) >>> 20) & 0x7f
    const word6 = await readFact(port, efuseBase + 0x18)
    return ones(count) % 2 === 1 || (word6 & 0x30) !== 0
  }
  // Every chip but the first knows the command: silence is no proof of an open chip.
  const info = await securityInfo(port)
  const again = await securityInfo(port)
  if (info.length < 5 || !Buffer.from(info).equals(again))
    throw new WxError('BOARD_SILENT', 'The board does not say whether it is secured.')
  const flags = new DataView(info.buffer, info.byteOffset).getUint32(0, true)
  // Bit 0 is secure boot, bit 2 secure download mode.
  return (flags & 0b101) !== 0 || ones(info[4] ?? 0) % 2 === 1
}

function ones(value: number): number {
  let count = 0
  for (let bits = value; bits > 0; bits >>= 1) count += bits & 1
  return count
}

/** Fields of the efuse block that begins at the MAC: word, shift, bits (esptool's targets). */
type Field = readonly [word: number, shift: number, bits: number]
const revisionFields: Partial<Record<ChipName, { major: Field[]; minor: Field[] }>> = {
  esp32s2: {
    major: [[3, 18, 2]],
    minor: [
      [3, 20, 1],
      [4, 4, 3],
    ],
  },
  esp32s3: {
    major: [[5, 24, 2]],
    minor: [
      [5, 23, 1],
      [3, 18, 3],
    ],
  },
  esp32c3: {
    major: [[5, 24, 2]],
    minor: [
      [5, 23, 1],
      [3, 18, 3],
    ],
  },
  esp32c2: { major: [[1, 20, 2]], minor: [[1, 16, 4]] },
  esp32c5: { major: [[2, 4, 2]], minor: [[2, 0, 4]] },
  esp32c61: { major: [[2, 4, 2]], minor: [[2, 0, 4]] },
  esp32c6: { major: [[3, 22, 2]], minor: [[3, 18, 4]] },
  esp32h2: { major: [[3, 21, 2]], minor: [[3, 18, 3]] },
  esp32p4: {
    major: [
      [2, 23, 1],
      [2, 4, 2],
    ],
    minor: [[2, 0, 4]],
  },
}

/** As major * 100 + minor. */
export async function readRevision(port: CommandPort, chip: ChipName): Promise<number> {
  if (chip === 'esp32') return readFirstRevision(port)
  const fields = revisionFields[chip]
  if (!fields) return 0
  const { macRegister } = chips[chip]
  const value = async (parts: Field[]): Promise<number> => {
    let all = 0
    for (const [word, shift, bits] of parts) {
      const register = await readFact(port, macRegister + 4 * word)
      all = (all << bits) | ((register >>> shift) & ((1 << bits) - 1))
    }
    return all
  }
  return (await value(fields.major)) * 100 + (await value(fields.minor))
}

async function readFirstRevision(port: CommandPort): Promise<number> {
  const bit0 = ((await readFact(port, efuseBase + 0xc)) >>> 15) & 1
  const word5 = await readFact(port, efuseBase + 0x14)
  const bit1 = (word5 >>> 20) & 1
  const bit2 = (await readFact(port, 0x3ff6607c)) >>> 31
  const major = { 0: 0, 1: 1, 3: 2, 7: 3 }[bit0 | (bit1 << 1) | (bit2 << 2)] ?? 0
  return major * 100 + ((word5 >>> 24) & 3)
}

export async function readMac(port: CommandPort, chip: ChipName): Promise<Uint8Array> {
  const { macRegister } = chips[chip]
  const low = await readFact(port, macRegister)
  const high = await readFact(port, macRegister + 4)
  return Uint8Array.of(high >>> 8, high, low >>> 24, low >>> 16, low >>> 8, low)
}

/** RDID (0x9f) through the SPI controller's registers, as esptool does it: vendor, type, size. */
export async function readFlashId(port: CommandPort, chip: ChipName): Promise<number> {
  const { base, usr, usr2, misoLength, data } = chips[chip].spi
  const oldUsr = await readFact(port, base + usr)
  const oldUsr2 = await readFact(port, base + usr2)
  await writeRegister(port, base + misoLength, 23)
  await writeRegister(port, base + usr, 0x9000_0000)
  await writeRegister(port, base + usr2, (7 << 28) | 0x9f)
  await writeRegister(port, base + data, 0)
  await writeRegister(port, base, 1 << 18)
  for (let n = 0; n < 10 && ((await readRegister(port, base)) & (1 << 18)) !== 0; n++);
  const id = await readFact(port, base + data)
  await writeRegister(port, base + usr, oldUsr)
  await writeRegister(port, base + usr2, oldUsr2)
  return id & 0xffffff
}

/** The third byte of the id is the size as a power of two, on every maker's chip that boards carry. */
export function sizeOf(flashId: number): number {
  const exponent = (flashId >>> 16) & 0x3f
  // 0x20 and above is the other numbering of large chips: 0x20 = 64 MB.
  const power = exponent >= 0x20 ? exponent - 6 : exponent
  return power >= 0x12 && power <= 0x1c ? 2 ** power : 0
}
