import { deflateSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { silicon } from '../../src/sandbox/board/chips.js'
import { Flash, makeSharedFlash } from '../../src/sandbox/board/flash.js'
import { type LoaderPins, ops, type Receiver, xorChecksum } from '../../src/sandbox/board/loader.js'
import { Registers } from '../../src/sandbox/board/registers.js'
import { RomLoader } from '../../src/sandbox/board/rom.js'
import { slipFrame } from '../../src/sandbox/board/slip.js'
import { Stub } from '../../src/sandbox/board/stub.js'
import { fakeClock } from '../support/clock.js'
import { inflated } from '../support/stub-chip.js'

const words = (...values: number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer)

function command(op: number, body: Uint8Array, checksum = 0): Uint8Array {
  const header = Uint8Array.of(0, op, body.length & 255, body.length >> 8, checksum, 0, 0, 0)
  return slipFrame(Buffer.concat([header, body]))
}

/** A loader whose flash takes its time, the time in the test's hand. */
function timed(make: (pins: LoaderPins) => Receiver) {
  const clock = fakeClock()
  const shared = makeSharedFlash(1024 * 1024)
  const answers: number[] = []
  const loader = make({
    silicon: silicon.esp32,
    flash: shared,
    registers: new Registers(silicon.esp32, new Flash(shared), new Uint8Array(6)),
    transmit: (bytes) => answers.push(bytes[2] ?? 0),
    setBaud: () => {},
    busy: (ms) => clock.sleep(ms),
    leave: () => {},
  })
  return {
    clock,
    /** How long the loader takes to answer. */
    async answerMs(frame: Uint8Array): Promise<number> {
      answers.length = 0
      const start = clock.monotonic()
      loader.receive(frame, false)
      while (answers.length === 0 && clock.monotonic() - start < 60_000) await clock.advance(1)
      return clock.monotonic() - start
    },
    receive: (bytes: Uint8Array) => loader.receive(bytes, false),
    answers,
  }
}

const readMagic = command(ops.readReg, words(0x40001000))

it('the ROM erases before it answers: 45 ms a sector', async () => {
  const { answerMs } = timed((pins) => new RomLoader(pins))
  await answerMs(command(ops.spiAttach, words(0, 0)))
  const begin = command(ops.flashBegin, words(0x4000, 16, 0x400, 0x10000))
  const ms = await answerMs(begin)
  expect(ms).toBeGreaterThanOrEqual(4 * 45)
  expect(ms).toBeLessThan(4 * 45 + 10)
})

it('a busy ROM keeps what fits its FIFO of 128 bytes, the rest is lost', async () => {
  const { answerMs, clock, receive, answers } = timed((pins) => new RomLoader(pins))
  await answerMs(command(ops.spiAttach, words(0, 0)))
  receive(command(ops.flashBegin, words(0x4000, 16, 0x400, 0x10000)))
  await clock.advance(1)
  answers.length = 0
  for (let i = 0; i < 12; i++) receive(readMagic)
  await clock.advance(1000)
  // FLASH_BEGIN's own answer, then nine of the twelve: 9 x 14 bytes are 126.
  expect(answers.filter((op) => op === ops.readReg)).toHaveLength(9)
  expect(answers[0]).toBe(ops.flashBegin)
})

it('a stub answers first and writes then: the next answer is late', async () => {
  const { answerMs } = timed((pins) => new Stub(pins, 1))
  await answerMs(command(ops.flashBegin, words(0x1000, 1, 0x1000, 0x10000)))
  const data = new Uint8Array(0x1000)
  const body = Buffer.concat([words(data.length, 0, 0, 0), data])
  expect(await answerMs(command(ops.flashData, body, xorChecksum(data)))).toBeLessThan(5)
  const ms = await answerMs(readMagic)
  // One sector erased, sixteen pages programmed.
  expect(ms).toBeGreaterThanOrEqual(45 + 16 * 0.7 - 5)
})

it('a stub erases ahead while the next block arrives, and answers nothing later for it', async () => {
  const { answerMs, clock } = timed((pins) => new Stub(pins, 2))
  // Nothing that could be packed: a block of 8 KB is 8 KB of flash.
  let state = 1
  const image = Uint8Array.from({ length: 0x20000 }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state >>> 24
  })
  const deflated = deflateSync(image)
  await answerMs(command(ops.deflBegin, words(image.length, 9, 0x4000, 0x10000)))
  const block = (n: number): Uint8Array => {
    const data = deflated.subarray(n * 0x2000, (n + 1) * 0x2000)
    const body = Buffer.concat([words(data.length, n, 0, 0), data])
    return command(ops.deflData, body, xorChecksum(data))
  }
  // Not a window yet: nothing is written, and the erase of 64 KB goes on by itself.
  for (const n of [0, 1, 2]) {
    expect(await answerMs(block(n))).toBeLessThan(5)
    await inflated()
  }
  // What reads the flash waits for it.
  expect(await answerMs(command(ops.md5, words(0x10000, 0x1000, 0, 0)))).toBeGreaterThan(130)
  await clock.advance(200)
  // Now a second erase begins, and the window behind it is written when that is over.
  for (const n of [3, 4]) {
    await answerMs(block(n))
    await inflated()
  }
  const ms = await answerMs(readMagic)
  expect(ms).toBeGreaterThan(150)
  expect(ms).toBeLessThan(150 + 128 * 0.7 + 20)
})

it('a stub takes its ten seconds for the whole chip, and 150 ms for 64 KB', async () => {
  const { answerMs } = timed((pins) => new Stub(pins, 2))
  expect(await answerMs(command(ops.eraseFlash, words()))).toBeGreaterThanOrEqual(10_000)
  const ms = await answerMs(command(ops.eraseRegion, words(0x10000, 0x20000)))
  expect(ms).toBeGreaterThanOrEqual(300)
  expect(ms).toBeLessThan(330)
})
