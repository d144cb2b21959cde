import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { startBoard, type VirtualBoard } from '../../src/sandbox/board/board.js'
import { ops, xorChecksum } from '../../src/sandbox/board/loader.js'
import { SlipReader, slipFrame } from '../../src/sandbox/board/slip.js'
import { buildImage } from '../../src/sandbox/image-builder.js'
import { nodeSystem } from '../../src/system/node.js'
import { testBoard } from '../support/board.js'
import { temporaryFolder } from '../support/system.js'

const image = buildImage('esp32', { version: 'v1.27.0', date: '2025-12-09' })
const words = (...values: number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer)
const portOf = (url: string): number => Number(new URL(url).port)

/** A client of one of the board's ports that keeps what it received, telnet commands left in. */
async function client(url: string) {
  const socket = connect(portOf(url), '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', () => resolve())
    socket.once('error', reject)
  })
  socket.on('error', () => {})
  const received: Buffer[] = []
  let isClosed = false
  socket.on('data', (bytes: Buffer) => received.push(bytes))
  socket.once('close', () => {
    isClosed = true
  })
  const raw = (): Buffer => Buffer.concat(received)
  return {
    socket,
    text: () => raw().toString('latin1'),
    isClosed: () => isClosed,
    sees: (text: string) =>
      vi.waitFor(() => expect(raw().toString('latin1')).toContain(text), 5000),
    ...loader(socket, received),
  }
}

/** As much of a flasher as these tests need. */
function loader(socket: Socket, received: Buffer[]) {
  const control = (...values: number[]): void => {
    for (const value of values) socket.write(Uint8Array.of(255, 250, 44, 5, value, 255, 240))
  }
  const setBaud = (baud: number): void => {
    const bytes = [24, 16, 8, 0].map((shift) => (baud >> shift) & 255)
    socket.write(Uint8Array.from([255, 250, 44, 1, ...bytes, 255, 240]))
  }
  const write = (packet: Uint8Array): void => {
    socket.write(
      Uint8Array.from(
        [...slipFrame(packet)].flatMap((byte) => (byte === 255 ? [255, 255] : [byte])),
      ),
    )
  }
  /** Sends a command and answers the first answer to it. */
  const command = async (op: number, body: Uint8Array, checksum = 0): Promise<Uint8Array> => {
    received.length = 0
    write(
      Buffer.concat([
        Uint8Array.of(0, op, body.length & 255, body.length >> 8, checksum, 0, 0, 0),
        body,
      ]),
    )
    return vi.waitFor(
      () => {
        const frames = new SlipReader('skip').read(Buffer.concat(received))
        const answer = frames.find((frame) => frame[0] === 1 && frame[1] === op)
        if (!answer) throw new Error('no answer')
        return answer
      },
      { timeout: 2000, interval: 2 },
    )
  }
  const sync = (): Promise<Uint8Array> =>
    command(ops.sync, Buffer.from(`07071220${'55'.repeat(32)}`, 'hex'))
  return {
    control,
    setBaud,
    command,
    sync,
    /** DTR and RTS as the classic sequence moves them; SYNC follows. */
    async enterLoader(): Promise<void> {
      control(9, 11)
      await new Promise((resolve) => setTimeout(resolve, 20))
      control(8, 12)
      await vi.waitFor(
        () => expect(Buffer.concat(received).includes('waiting for download')).toBe(true),
        3000,
      )
      control(9)
      await sync()
      await command(ops.spiAttach, words(0, 0))
    },
    /** FLASH_BEGIN and FLASH_DATA in ROM; answers how many blocks were acknowledged. */
    async writeFlash(offset: number, bytes: Uint8Array, block = 0x400): Promise<number> {
      const blocks = Math.ceil(bytes.length / block)
      await command(ops.flashBegin, words(bytes.length, blocks, block, offset))
      for (let i = 0; i < blocks; i++) {
        const data = bytes.subarray(i * block, (i + 1) * block)
        const body = Buffer.concat([words(data.length, i, 0, 0), data])
        await command(ops.flashData, body, xorChecksum(data))
      }
      return blocks
    },
  }
}

const resets = { wiring: { enRiseMs: 20, io0RiseMs: 0 } }

describe('a virtual board over TCP', () => {
  it('is reset into its loader, read and written, and boots what was written', async () => {
    const startRuntime = vi.fn(async () => undefined)
    const board = await testBoard({ ...resets, startRuntime })
    const host = await client(board.rfc2217Url)
    await host.enterLoader()
    const magic = await host.command(ops.readReg, words(0x40001000))
    expect(Buffer.from(magic).toString('hex')).toBe('010a0400831df00000000000')
    await host.writeFlash(0x1000, image)
    expect(Buffer.compare(board.flash.read(0x1000, image.length), image)).toBe(0)
    host.control(11)
    host.control(12)
    await host.sees('entry 0x400805cc\r\n')
    await vi.waitFor(() => expect(startRuntime).toHaveBeenCalledOnce())
  })

  it('does not understand a host at another rate, and says nothing to it', async () => {
    const board = await testBoard(resets)
    const host = await client(board.rfc2217Url)
    await host.enterLoader()
    host.setBaud(460_800)
    await expect(host.sync()).rejects.toThrow('no answer')
    host.setBaud(115_200)
    // The garbage may have left the ROM deaf: only a reset helps then.
    await host.enterLoader()
    await host.sync()
  })

  it('has one client at a time; the next one waits for the first to leave', async () => {
    const board = await testBoard()
    const first = await client(board.rfc2217Url)
    const second = await client(board.socketUrl)
    await vi.waitFor(() => expect(second.isClosed()).toBe(true), 3000)
    const third = await client(board.socketUrl)
    first.socket.destroy()
    await third.sees('invalid header: 0xffffffff')
  })

  it('breaks off and takes nobody while it is unplugged', async () => {
    const board = await testBoard()
    const host = await client(board.rfc2217Url)
    board.faults.unplugged = true
    await vi.waitFor(() => expect(host.isClosed()).toBe(true))
    // Refused at once, or taken by the operating system and reset.
    const isRefused = async (): Promise<boolean> => {
      const other = await client(board.rfc2217Url)
      await vi.waitFor(() => expect(other.isClosed()).toBe(true))
      return true
    }
    await expect(isRefused().catch(({ code }) => code === 'ECONNRESET')).resolves.toBe(true)
    board.faults.unplugged = false
    const again = await client(board.socketUrl)
    await again.sees('invalid header')
  })

  it('keeps its flash in a file, over a stop and a new start', async () => {
    const flashFile = join(temporaryFolder(), 'board.flash')
    const system = nodeSystem()
    const board = await startBoard({ flashFile, ...resets }, system)
    const host = await client(board.rfc2217Url)
    await host.enterLoader()
    await host.writeFlash(0x300000, image.subarray(0, 3000))
    await board.stop()
    const again = await testBoard({ flashFile })
    expect(Buffer.compare(again.flash.read(0x300000, 3000), image.subarray(0, 3000))).toBe(0)
  })

  it('leaves no port behind', async () => {
    const board = await startBoard({}, nodeSystem())
    await board.stop()
    await expect(client(board.rfc2217Url)).rejects.toThrow('ECONNREFUSED')
    await expect(client(board.socketUrl)).rejects.toThrow('ECONNREFUSED')
  })

  it('gives up its first port when its second one is taken', async () => {
    const system = nodeSystem()
    const board = await testBoard()
    const taken = portOf(board.socketUrl)
    const free = await system.net.listen({ port: 0 }, () => {})
    await free.close()
    await expect(startBoard({ port: free.port, socketPort: taken }, system)).rejects.toThrow(
      'EADDRINUSE',
    )
    await expect(client(`rfc2217://127.0.0.1:${free.port}`)).rejects.toThrow('ECONNREFUSED')
  })
})

describe('power cut', () => {
  it('at every operation of a write leaves old or new bytes before it, and erased ones after', async () => {
    const data = image.subarray(0, 5000)
    const board = await testBoard(resets)
    /** Whether the write came to its end; false as soon as the board is dark. */
    const write = async (): Promise<boolean> => {
      const host = await client(board.rfc2217Url)
      await host.enterLoader()
      const isDark = vi.waitFor(
        () => {
          if (board.isPowered) throw new Error('still lit')
          return false
        },
        { timeout: 5000, interval: 1 },
      )
      const isWritten = host.writeFlash(0x300000, data).then(() => true)
      // The one that loses the race ends in a timeout that nobody waits for.
      isDark.catch(() => {})
      isWritten.catch(() => {})
      return Promise.race([isDark, isWritten]).finally(() => host.socket.destroy())
    }
    const before = board.flash.operations
    expect(await write()).toBe(true)
    const operations = board.flash.operations - before
    // Two sectors, and 5000 bytes in pages of 256.
    expect(operations).toBe(2 + 20)
    for (let n = 1; n <= operations; n++) await cutAt(board, n, data, write)
    expect(await write()).toBe(true)
    expect(Buffer.compare(board.flash.read(0x300000, data.length), data)).toBe(0)
  })
})

async function cutAt(
  board: VirtualBoard,
  n: number,
  data: Uint8Array,
  write: () => Promise<boolean>,
): Promise<void> {
  board.faults.cutPowerAtFlashOperation = n
  expect(await write()).toBe(false)
  expect([board.isPowered, board.faults.cutPowerAtFlashOperation]).toEqual([false, 0])
  await board.powerCycle()
  const pages = n - 3
  if (pages < 0) return
  const written = board.flash.read(0x300000, data.length)
  expect(Buffer.compare(written.subarray(0, pages * 256), data.subarray(0, pages * 256))).toBe(0)
  expect(written.subarray((pages + 1) * 256).every((byte) => byte === 0xff)).toBe(true)
}
