import { createHash } from 'node:crypto'
import { WxError } from '../errors.js'
import type { Clock } from '../system.js'
import { type ChipName, chips } from './boards.js'
import {
  type ChipFacts,
  identify,
  readFlashId,
  readMac,
  readRevision,
  readSecured,
  sizeOf,
} from './chip-facts.js'
import {
  answerTimeoutMs,
  type CommandPort,
  commandFrame,
  isSpoiled,
  nudgeAfterMs,
  op,
  probeRegister,
  words,
} from './commands.js'
import { type Connected, syncAgain } from './connect.js'
import { settleNativeUsb } from './native-usb.js'
import { blockEnds, type Packed, blockBytes as stubBlockBytes } from './pack.js'
import { changeRate } from './rate.js'

const ramBlockBytes = 0x1800
const megabyte = 1024 * 1024
export const sectorBytes = 0x1000

/** Ceilings for a slow flash chip, ms; esptool's own, of which a healthy chip needs a tenth. */
const md5MsPerMegabyte = 8000
const writeMsPerMegabyte = 40_000
const eraseMsPerMegabyte = 30_000
const leastSlowMs = 60_000

function ceilingMs(bytes: number, msPerMegabyte: number): number {
  return Math.max(leastSlowMs, (bytes / megabyte) * msPerMegabyte)
}

/** The ROM was to load the stub at a higher rate, and fell silent: its next start is the usual one. */
export class RomRateError extends WxError {
  constructor(baud: number) {
    super('BOARD_SILENT', `The board's ROM does not answer at ${baud} baud.`)
  }
}

/** A chip in download mode with the stub running. */
export class Loader {
  readonly #port: CommandPort
  readonly #clock: Clock
  readonly facts: ChipFacts
  private constructor(port: CommandPort, clock: Clock, facts: ChipFacts) {
    this.#port = port
    this.#clock = clock
    this.facts = facts
  }

  /**
   * Identifies the chip, starts the stub and reads what is known about the flash. `romBaud` is a
   * rate to load the stub at, from the first moment at which nothing hangs on it. Throws RomRateError
   * where the ROM does not answer or loses bytes at it.
   */
  static async start(
    { port, stubRuns }: Connected,
    clock: Clock,
    romBaud?: number,
  ): Promise<Loader> {
    port.statusBytes = stubRuns ? 2 : 4
    const chip = await identify(port)
    const isSecured = await readSecured(port, chip)
    const rate = stubRuns || isSecured ? undefined : romBaud
    if (rate !== undefined && !(await changeRate(port, clock, rate, 'rom')))
      throw new RomRateError(rate)
    const revision = await readRevision(port, chip)
    const mac = await readMac(port, chip)
    if (!isSecured) await settleNativeUsb(port, chip, revision)
    const known = { chip, revision, mac, isSecured }
    if (isSecured) return new Loader(port, clock, { ...known, flashSizeBytes: 0, flashId: 0 })
    try {
      if (!stubRuns) await startStub(port, chip, revision)
    } catch (error) {
      // Its short answers were all right: a buffer that overflows shows in the long frames.
      throw rate !== undefined && isSpoiled(error) ? new RomRateError(rate) : error
    }
    await port.command(op.SPI_ATTACH, words(0), { repeatable: true })
    let flashId = 0
    // A damaged WRITE_REG goes unnoticed, and the id is then anything.
    for (let n = 0; n < 3 && sizeOf(flashId) === 0; n++) flashId = await readFlashId(port, chip)
    const flashSizeBytes = sizeOf(flashId)
    if (flashSizeBytes === 0) {
      const id = flashId.toString(16).padStart(6, '0')
      throw new WxError('FLASH_FAILED', `The flash chip gives no size (id 0x${id}).`, {
        hint: 'Check the board: a shorted or missing flash chip answers so.',
        details: { flashId },
      })
    }
    const loader = new Loader(port, clock, { ...known, flashSizeBytes, flashId })
    await loader.#tellGeometry()
    return loader
  }

  async #tellGeometry(): Promise<void> {
    const geometry = words(0, this.facts.flashSizeBytes, 0x10000, sectorBytes, 256, 0xffff)
    await this.#port.command(op.SPI_SET_PARAMS, geometry, { repeatable: true })
  }

  /** Over USB-OTG nothing follows the control lines: only the chip itself can end the loader. */
  get isOverOtg(): boolean {
    return Number.isFinite(this.#port.blockLimit)
  }

  get baud(): number {
    return this.#port.link.baud
  }

  /** Changes both sides to another rate and proves that it works; false when it does not. */
  changeBaud(baud: number): Promise<boolean> {
    return changeRate(this.#port, this.#clock, baud, 'stub')
  }

  /** After lost bytes: waits until the stub answers again. Throws BOARD_SILENT when it does not. */
  async resync(): Promise<void> {
    await syncAgain(this.#port)
    // No checksum covers the geometry: a damaged one would refuse every write that follows.
    await this.#tellGeometry()
  }

  /** MD5 of a region of flash as the chip computes it, 32 hex digits. */
  async md5(address: number, size: number): Promise<string> {
    const timeoutMs = ceilingMs(size, md5MsPerMegabyte)
    const { data } = await this.#port.command(op.SPI_FLASH_MD5, words(address, size, 0, 0), {
      timeoutMs,
      repeatable: true,
    })
    return Buffer.from(data.subarray(0, 16)).toString('hex')
  }

  /**
   * Sends a region, compressed on the wire; the stub erases what it writes. `address` and the
   * length are multiples of a sector. `onSent` gets the bytes of the wire done so far. The last
   * block may still be at work when this is done: what comes next waits for it, `settle` at last.
   * The stub acknowledges a block on receipt and writes it while the next one is on the wire. It has
   * two buffers: a block sent before the last acknowledgement would have none.
   */
  async send(address: number, packed: Packed, onSent: (done: number) => void): Promise<void> {
    const port = this.#port
    const { bytes, deflated } = packed
    const blockBytes = Math.min(stubBlockBytes, port.blockLimit)
    const ends = blockEnds(packed, blockBytes)
    const blocks = ends.length
    await port.command(op.FLASH_DEFL_BEGIN, words(bytes.length, blocks, blockBytes, address), {
      timeoutMs: ceilingMs(bytes.length, eraseMsPerMegabyte),
      repeatable: true,
    })
    // Well-packed data can unfold into most of the region, which the stub writes before it answers the next.
    const timeoutMs = ceilingMs(bytes.length, writeMsPerMegabyte)
    // While the block before is written, this one fills the stub's other buffer: a probe would
    // overwrite it. 400 ms is the longest erase of a sector (W25Q32's data sheet).
    const nudgeMs = nudgeAfterMs + (bytes.length / blocks / sectorBytes) * 400
    const frameOf = (n: number): Uint8Array => {
      const block = deflated.subarray(ends[n - 1] ?? 0, ends[n])
      return commandFrame(op.FLASH_DEFL_DATA, words(block.length, n, 0, 0), block)
    }
    let frame = frameOf(0)
    for (let n = 0; n < blocks; n++) {
      await port.sendFrame(frame)
      // Made while the one before is on the wire, which then stands still for a round trip only.
      if (n + 1 < blocks) frame = frameOf(n + 1)
      await port.answer(op.FLASH_DEFL_DATA, timeoutMs, nudgeMs)
      onSent(ends[n] ?? deflated.length)
    }
  }

  /**
   * Waits until what was sent is in the flash. The error of a last block comes with the next
   * command; where that begins another region it may be lost, and only the MD5 tells.
   */
  async settle({ bytes }: Packed): Promise<void> {
    const timeoutMs = ceilingMs(bytes.length, writeMsPerMegabyte)
    await this.#port.command(op.READ_REG, words(probeRegister), { timeoutMs })
  }

  /** Sends a region and waits until it is written. */
  async write(address: number, packed: Packed, onSent: (done: number) => void): Promise<void> {
    await this.send(address, packed, onSent)
    await this.settle(packed)
  }

  /** Reads a region; the stub sends it uncompressed with an MD5 at the end, which is checked. */
  async read(
    address: number,
    size: number,
    onRead: (chunk: Uint8Array, done: number) => Promise<void> | void,
  ): Promise<void> {
    const digest = createHash('md5')
    const port = this.#port
    await port.command(op.READ_FLASH, words(address, size, sectorBytes, 2 * sectorBytes))
    let done = 0
    while (done < size) {
      const chunk = await port.patientPacket(answerTimeoutMs * 3)
      if (!chunk || chunk.length > size - done) {
        throw new WxError('FLASH_FAILED', `Reading the flash broke off at ${done} of ${size}.`)
      }
      done += chunk.length
      digest.update(chunk)
      // The acknowledgement goes out first: the chip sends on while we store.
      await port.send(words(done))
      await onRead(chunk, done)
    }
    const expected = await port.patientPacket(answerTimeoutMs * 3)
    if (!expected || !digest.digest().equals(expected)) {
      throw new WxError('VERIFY_FAILED', 'What was read from the flash does not match its MD5.')
    }
  }

  /** A small region at once, read again when bytes were lost. */
  async readAll(address: number, size: number): Promise<Uint8Array> {
    for (let attempt = 1; ; attempt++) {
      const bytes = new Uint8Array(size)
      try {
        await this.read(address, size, (chunk, done) => bytes.set(chunk, done - chunk.length))
        return bytes
      } catch (error) {
        const code = error instanceof WxError ? error.code : undefined
        if (attempt >= 4 || !(isSpoiled(error) || code === 'VERIFY_FAILED')) throw error
        await this.resync()
      }
    }
  }

  async eraseAll(): Promise<void> {
    await this.#port.command(op.ERASE_FLASH, new Uint8Array(0), {
      timeoutMs: ceilingMs(this.facts.flashSizeBytes, eraseMsPerMegabyte),
      repeatable: true,
    })
  }

  async eraseRegion(address: number, size: number): Promise<void> {
    await this.#port.command(op.ERASE_REGION, words(address, size), {
      timeoutMs: ceilingMs(size, eraseMsPerMegabyte),
      repeatable: true,
    })
  }
}

/** Begins to load the stubs, so that they are there when the board has come up from its reset. */
export function preloadStubs(): void {
  // A failure comes again, to who waits for it.
  import('esptool-js').catch(() => {})
}

/** Uploads esptool's stub into RAM and waits for its greeting. */
async function startStub(port: CommandPort, chip: ChipName, revision: number): Promise<void> {
  const { getStubJsonByChipName } = await import('esptool-js')
  const stub = await getStubJsonByChipName(chips[chip].name, revision)
  if (!stub)
    throw new WxError('BOARD_FAULT', `There is no flasher stub for the ${chips[chip].name}.`)
  const parts: [Uint8Array, number][] = [[stub.decodedText, stub.text_start]]
  if (stub.decodedData && stub.data_start !== undefined)
    parts.push([stub.decodedData, stub.data_start])
  for (let attempt = 1; ; attempt++) {
    try {
      await upload(port, parts, stub.entry)
      port.statusBytes = 2
      return
    } catch (error) {
      if (attempt >= 3 || !isSpoiled(error)) throw error
      await syncAgain(port)
    }
  }
}

async function upload(
  port: CommandPort,
  parts: [Uint8Array, number][],
  entry: number,
): Promise<void> {
  const blockBytes = Math.min(ramBlockBytes, port.blockLimit)
  for (const [bytes, address] of parts) {
    const blocks = Math.ceil(bytes.length / blockBytes)
    await port.command(op.MEM_BEGIN, words(bytes.length, blocks, blockBytes, address))
    for (let n = 0; n < blocks; n++) {
      const block = bytes.subarray(n * blockBytes, (n + 1) * blockBytes)
      await port.command(op.MEM_DATA, words(block.length, n, 0, 0), { payload: block })
    }
  }
  await port.sendCommand(op.MEM_END, words(0, entry))
  // The ROM's answer to MEM_END may be cut off by the jump; the greeting is what counts.
  for (let n = 0; n < 4; n++) {
    const packet = await port.patientPacket(answerTimeoutMs)
    if (packet && new TextDecoder().decode(packet) === 'OHAI') return
  }
  throw new WxError('BOARD_SILENT', 'The flasher stub was loaded but does not answer.')
}
