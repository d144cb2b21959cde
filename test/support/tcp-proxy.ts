import net from 'node:net'
import { onTestFinished } from 'vitest'

export interface TcpProxy {
  url: string
  /** Sends to the board as if the host had. */
  inject(bytes: Uint8Array): void
  /** Every connection breaks. */
  cut(): void
}

/** What becomes of bytes on their way; nothing passes where it is empty. */
export interface Passage {
  toBoard?(bytes: Buffer): Buffer
  toHost?(bytes: Buffer): Buffer
}

/** A network in front of an rfc2217 board, for one host at a time; it goes with the test. */
export async function tcpProxy(
  board: string,
  { toBoard = (bytes) => bytes, toHost = (bytes) => bytes }: Passage,
): Promise<TcpProxy> {
  const port = Number(new URL(board.replace('rfc2217', 'http')).port)
  const sockets = new Set<net.Socket>()
  let latest: net.Socket | undefined
  const server = net.createServer((host) => {
    const chip = net.connect(port, '127.0.0.1')
    latest = chip
    const pass = (to: net.Socket, bytes: Buffer): void => void (bytes.length > 0 && to.write(bytes))
    host.on('data', (bytes: Buffer) => pass(chip, toBoard(bytes)))
    chip.on('data', (bytes: Buffer) => pass(host, toHost(bytes)))
    for (const socket of [host, chip]) {
      sockets.add(socket.setNoDelay(true))
      socket.on('error', () => {})
      socket.on('close', () => {
        host.destroy()
        chip.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  onTestFinished(() => {
    server.close()
    cut()
  })
  return {
    url: `rfc2217://127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    inject: (bytes) => void latest?.write(bytes),
    cut,
  }
}
