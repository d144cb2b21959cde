import { readFileSync } from 'node:fs'
import { deflateSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { Chip } from '../../src/sandbox/board/chip.js'
import { silicon } from '../../src/sandbox/board/chips.js'
import { Flash, makeSharedFlash } from '../../src/sandbox/board/flash.js'
import { xorChecksum } from '../../src/sandbox/board/loader.js'
import { SlipReader, slipFrame } from '../../src/sandbox/board/slip.js'
import { Uart } from '../../src/sandbox/board/uart.js'
import { noFaults } from '../../src/sandbox/faults.js'
import { nodeSystem } from '../../src/system/node.js'

interface Exchange {
  name: string
  /** One decoded packet; `{bytes}` = an upload of that many bytes; … = its data is in the note. */
  out?: string | { bytes: number }
  wire?: string
  in: string[]
  in_other?: string
  steps?: { out: string; in: string[] }[]
}

const recorded = readFileSync(new URL('../contract/chip/rom.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Exchange)

/** A chip in download mode on an unpaced wire, straps as on the emulator of the recordings. */
function bench() {
  const system = nodeSystem()
  const flash = makeSharedFlash(4 * 1024 * 1024)
  const uart = new Uart({ clock: system.clock, isPaced: false, faults: noFaults() })
  let received: number[] = []
  uart.onHostReceive = (bytes) => received.push(...bytes)
  const chip = new Chip({
    system,
    silicon: silicon.esp32,
    flash,
    mac: Uint8Array.of(0x24, 0x0a, 0xc4, 1, 2, 3),
    uart,
    isPaced: false,
    hasFlashTimes: false,
    straps: { flash: 0x12, download: 0x0f },
    io0IsLow: () => true,
    startRuntime: async () => undefined,
    log: () => {},
  })
  const tick = () => new Promise((resolve) => setTimeout(resolve, 1))
  const frames = () => new SlipReader('skip').read(Uint8Array.from(received)).map(hexOf)
  return {
    flash: new Flash(flash),
    frames,
    text: () => Buffer.from(received).toString('latin1'),
    /** The host follows a CHANGE_BAUDRATE, as late as the chip. */
    async setBaud(baud: number) {
      while (uart.chipBaud !== baud) await tick()
      uart.hostBaud = baud
    },
    async reset() {
      uart.hostBaud = 115_200
      await chip.hold()
      received = []
      chip.release('power-on')
      for (let i = 0; !this.text().includes('boot:0xf') && i < 1000; i++) await tick()
    },
    /** Sends raw bytes and waits for so many frames, and a little for one too many. */
    async send(bytes: Uint8Array, expected: number) {
      received = []
      uart.sendFromHost(bytes)
      for (let i = 0; frames().length < expected && i < 500; i++) await tick()
      await tick()
      await tick()
      return frames()
    },
  }
}
type Bench = ReturnType<typeof bench>

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const words = (...values: number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer)
const d1 = Uint8Array.from({ length: 1024 }, (_, i) => i * 7)
const d2 = Uint8Array.from({ length: 1024 }, (_, i) => 3 + i * 11)
const d13 = Uint8Array.from({ length: 0x4000 }, (_, i) => i * 13)

function command(op: number, body: Uint8Array, checksum = 0): Uint8Array {
  const header = Uint8Array.of(0, op, body.length & 255, body.length >> 8, checksum, 0, 0, 0)
  return slipFrame(Buffer.concat([header, body]))
}
function block(op: number, sequence: number, data: Uint8Array, checksum = xorChecksum(data)) {
  return command(op, Buffer.concat([words(data.length, sequence, 0, 0), data]), checksum)
}
const sync = command(8, Buffer.from(`07071220${'55'.repeat(32)}`, 'hex'))
const readMagic = command(0x0a, words(0x40001000))
const attach = command(0x0d, words(0, 0))
const begin = (size: number, blocks: number, offset: number) =>
  command(2, words(size, blocks, 0x400, offset))
const deflBegin = command(0x10, words(0x400, 1, 0x400, 0x310000))
/** Steps the recorder took between two exchanges without writing them down. */
type Setup = (board: Bench) => Promise<void>
const restart: Setup = async (board) => {
  await board.reset()
  await board.send(sync, 8)
}
const fresh: Setup = async (board) => {
  await restart(board)
  await board.send(attach, 1)
}
const send =
  (...frames: Uint8Array[]): Setup =>
  async (board) => {
    for (const frame of frames) await board.send(frame, 1)
  }
const holds =
  (data: Uint8Array): Setup =>
  async ({ flash }) => {
    flash.eraseSector(0x300000)
    flash.program(0x300000, data)
  }
const blank: Setup = async ({ flash }) => flash.eraseChip()
const all =
  (...setups: Setup[]): Setup =>
  async (board) => {
    for (const setup of setups) await setup(board)
  }
/** Uploads a program as large as the recorded stub, so that the chip takes it for that stub. */
const upload = (version: 1 | 2): Setup =>
  all(fresh, async (board) => {
    const size = version === 1 ? 3540 : 6456
    const at = version === 1 ? 0x400be000 : 0x400a8000
    await board.send(command(5, words(size, 1, 0x1800, at)), 1)
    for (let sent = 0, i = 0; sent < size; sent += 0x1800, i++) {
      await board.send(block(7, i, new Uint8Array(Math.min(0x1800, size - sent))), 1)
    }
    await board.send(command(6, words(0, at + 0x100)), 2)
  })

const stubSetups = (stub: 'stub1' | 'stub2'): [string, Setup][] => {
  const version = stub === 'stub1' ? 1 : 2
  const data = (sequence: number, bytes: Uint8Array) => block(3, sequence, bytes)
  return [
    [`${stub}: upload mem_begin ${version === 1 ? '0x400be000' : '0x400a8000'}`, all(fresh, blank)],
    [`${stub}: flash_data wrong checksum`, send(begin(0x800, 2, 0x302000))],
    [`${stub}: deflate data not zlib`, send(deflBegin)],
    [`${stub}: deflate data truncated stream`, send(deflBegin)],
    [`${stub}: deflate data wrong adler32`, send(deflBegin)],
    [`${stub}: deflate data longer than announced`, send(deflBegin)],
    [`${stub}: read_flash 0x100 in blocks of 0x40, 1 in flight`, holds(d1)],
    [`${stub}: flash_end without flash_begin`, upload(version)],
    [
      `${stub}: extra block after the announced ones`,
      all(upload(version), send(begin(0x800, 2, 0x320000), data(0, d1), data(1, d2))),
    ],
    [`${stub}: flash_end too early`, send(begin(0x800, 2, 0x320000), data(0, d1))],
    [`${stub}: md5 after flash_begin only`, send(begin(0x800, 2, 0x320000))],
    [`${stub}: md5 after a rewrite`, send(begin(0x400, 1, 0x320000), data(0, d2))],
    [
      `${stub}: read_flash 0x100 in blocks of 0x40, in flight 0x100`,
      all(upload(version), holds(d1)),
    ],
  ]
}

const truncated = deflateSync(d1)
const setups = new Map<string, Setup>([
  ['rom: flash_data without flash_begin', fresh],
  ['rom: flash_begin erases only the announced size', fresh],
  ['rom: flash_data wrong checksum', send(begin(0x800, 2, 0x300000))],
  ['rom: flash_data wrong sequence', all(fresh, send(begin(0x800, 2, 0x300000)))],
  ['rom: flash_data seq 0 once', all(fresh, send(begin(0x800, 2, 0x300000)))],
  ['rom: flash_data inner size smaller than packet', all(fresh, send(begin(0x800, 2, 0x300000)))],
  ['rom: flash_begin size 0 blocks 1', all(fresh, holds(new Uint8Array(0x400).fill(0x0f)))],
  ['rom: unknown command 0x42', restart],
  ['rom: read_flash_slow 0x0e', holds(d1)],
  ['rom: shared frame end', fresh],
  ['rom: mem_begin', fresh],
  ['rom: mem_data without mem_begin', all(restart, send(readMagic))],
  ['rom: deflate begin', fresh],
  ['rom: deflate data not zlib', send(deflBegin)],
  ['rom: deflate data truncated stream', all(fresh, send(deflBegin))],
  ['rom: deflate data longer than announced', all(fresh, send(deflBegin))],
  ['rom: deflate end no reboot', all(fresh, send(deflBegin, block(0x11, 0, truncated)))],
  ['rom: change_baudrate', all(fresh, blank)],
  ...stubSetups('stub1'),
  ...stubSetups('stub2'),
  [
    'rom: flash_data seq 1 after seq 0 with a wrong checksum',
    all(fresh, send(begin(0x800, 2, 0x300000), block(3, 0, d1, 0x12))),
  ],
  [
    'rom: flash_data wrong checksum at seq 1',
    all(fresh, send(begin(0xc00, 3, 0x300000), block(3, 0, d1))),
  ],
])

function bytesOf({ out, wire }: Exchange): Uint8Array {
  if (wire !== undefined) return Buffer.from(wire, 'hex')
  if (typeof out === 'object')
    return block(7, sequenceOfUpload(out.bytes), new Uint8Array(out.bytes - 24))
  if (out?.endsWith('...')) {
    return slipFrame(Buffer.concat([Buffer.from(out.slice(0, -3), 'hex'), d13]))
  }
  return out ? slipFrame(Buffer.from(out, 'hex')) : new Uint8Array(0)
}
const sequenceOfUpload = (bytes: number): number => (bytes === 336 ? 1 : 0)

/** Every exchange of rom.jsonl, in its order and without an exception. */
describe('ROM and stubs answer as recorded', () => {
  const board = bench()

  it('says the recorded words in download mode', async () => {
    await board.reset()
    expect(board.text()).toBe(recorded[0]?.in_other)
  })

  it.each(recorded.slice(1))('$name', async (exchange) => {
    await setups.get(exchange.name)?.(board)
    for (const step of exchange.steps ?? [exchange]) {
      const answers = await board.send(bytesOf({ ...exchange, ...step }), step.in.length)
      expect(answers).toEqual(step.in)
    }
    if (exchange.name.endsWith(': change_baudrate')) await board.setBaud(460_800)
    if (exchange.in_other) expect(board.text()).toContain(exchange.in_other)
  })
})
