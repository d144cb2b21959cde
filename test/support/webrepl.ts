import { createHash } from 'node:crypto'
import type { Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { nodeSystem } from '../../src/system/node.js'

export interface FakeWebRepl {
  host: string
  /** Text frames as they came, one an entry, behind the login. */
  frames: string[]
  /** Lies on the board; read with GET. */
  files: Map<string, string | Buffer>
  /** Another client is there: every new one is hung up on. */
  isBusy: boolean
  /** Gets the bytes of each text frame after the login; what it returns goes back. */
  onText: (text: string) => string
  hangUp(): void
}

/** A WebREPL after extmod/modwebrepl.c and webrepl.py: case-sensitive headers, one client, GET. */
export async function fakeWebRepl(password: () => string): Promise<FakeWebRepl> {
  const sockets = new Set<Socket>()
  const fake: FakeWebRepl = {
    host: '',
    frames: [],
    files: new Map(),
    isBusy: false,
    onText: () => '',
    hangUp: () => {
      for (const socket of sockets) socket.destroy()
    },
  }
  const { port, close } = await nodeSystem().net.listen({ port: 0 }, (socket) => {
    socket.on('error', () => {})
    sockets.add(socket)
    serve(socket, fake, password)
  })
  fake.host = `127.0.0.1:${port}`
  onTestFinished(close)
  return fake
}

function serve(socket: Socket, fake: FakeWebRepl, password: () => string): void {
  let pending = Buffer.alloc(0)
  let state: 'http' | 'login' | 'open' = 'http'
  let file: Buffer | undefined
  const say = (opcode: number, payload: Buffer): void => {
    // Parted as a slow radio parts it: the head and the rest are two packets.
    socket.write(
      payload.length < 126
        ? Buffer.from([0x80 | opcode, payload.length])
        : Buffer.from([0x80 | opcode, 126, payload.length >> 8, payload.length & 255]),
    )
    socket.write(payload)
  }
  const onFrame = (opcode: number, payload: Buffer): void => {
    const text = payload.toString('latin1')
    if (state === 'login') {
      const isRight = text === `${password()}\r`
      say(1, Buffer.from(isRight ? '\r\nWebREPL connected\r\n>>> ' : '\r\nAccess denied\r\n'))
      if (isRight) state = 'open'
      else socket.end()
    } else if (opcode === 2 && file === undefined) {
      const name = payload.subarray(18, 18 + payload.readUInt16LE(16)).toString()
      const found = fake.files.get(name)
      // The board closes what raised while it was read.
      if (found === undefined) return void socket.destroySoon()
      file = typeof found === 'string' ? Buffer.from(found) : found
      say(2, Buffer.from('WB\0\0'))
    } else if (opcode === 2 && file) {
      const piece = file.subarray(0, 256)
      file = file.subarray(256)
      const size = Buffer.from([piece.length & 255, piece.length >> 8])
      say(2, Buffer.concat([size, piece]))
      if (piece.length > 0) return
      file = undefined
      say(2, Buffer.from('WB\0\0'))
    } else {
      fake.frames.push(text)
      const answer = fake.onText(text)
      if (answer !== '') say(1, Buffer.from(answer, 'latin1'))
    }
  }
  socket.on('data', (bytes) => {
    pending = Buffer.concat([pending, bytes])
    if (state === 'http') {
      const end = pending.indexOf('\r\n\r\n')
      if (end < 0) return
      const key = /^Sec-WebSocket-Key: (.+)\r$/m.exec(pending.toString('latin1'))?.[1]
      pending = pending.subarray(end + 4)
      if (!key) return void socket.destroy()
      const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
      const accept = createHash('sha1')
        .update(key + guid)
        .digest('base64')
      socket.write(`HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`)
      // webrepl.py looks for another client only now.
      if (fake.isBusy) return void socket.destroySoon()
      state = 'login'
      say(1, Buffer.from('Password: '))
    }
    while (pending.length >= 6) {
      const short = (pending[1] ?? 0) & 127
      const from = short === 126 ? 4 : 2
      const size = short === 126 ? pending.readUInt16BE(2) : short
      if (pending.length < from + 4 + size) return
      const mask = pending.subarray(from, from + 4)
      const payload = Buffer.from(
        pending.subarray(from + 4, from + 4 + size).map((byte, i) => byte ^ (mask[i % 4] ?? 0)),
      )
      const opcode = (pending[0] ?? 0) & 15
      pending = pending.subarray(from + 4 + size)
      onFrame(opcode, payload)
    }
  })
}
