import { createHash } from 'node:crypto'
import type { Socket } from 'node:net'
import { WxError } from '../errors.js'
import type { Secret } from '../secret.js'
import type { System } from '../system.js'
import { Dialog } from './dialog.js'
import { type Link, patient } from './link.js'
import { Inbox } from './links/inbox.js'
import { connectTcp, portLost, sendAll } from './links/tcp.js'
import { clientFrame, FrameReader, opcodes } from './websocket-frames.js'

export interface WebReplOptions {
  /** Name or address of the board, with `:port` where it is not 8266. */
  host: string
  password: Secret
  /** Factor on every deadline of the board; 1 unless told. */
  patience?: number | undefined
  signal?: AbortSignal | undefined
}

/** A board's prompt over its Wi-Fi: a link without control lines, and a way to read files. */
export interface WebRepl {
  link: Link
  /**
   * A file as it lies on the board; the program that runs there goes on. For a file that is not
   * there the board hangs up: PORT_LOST.
   */
  readFile(path: string): Promise<Uint8Array>
}

// The board answers between two readings of its station; a busy radio takes a second.
const answerMs = 15_000
// MicroPython's stdin holds 260 bytes and drops what is more (shared/runtime, MICROPY_HW stdin).
const frameBytes = 250
// RFC 6455, section 1.3.
const handshakeGuid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

// A board learns that its client has left when it next looks at its sockets: until then the door
// is shut, also for the same program again.
const leavingMs = 4000
const knockMs = 300

/**
 * Signs in to a board's WebREPL. Throws PORT_ABSENT where none answers, PORT_BUSY where it has a
 * client already, LOGIN_REFUSED for a wrong password.
 */
export async function openWebRepl(options: WebReplOptions, system: System): Promise<WebRepl> {
  const lastMs = system.clock.monotonic() + patient(options, leavingMs)
  while (true) {
    try {
      return await enter(options, system)
    } catch (error) {
      const isBusy = error instanceof WxError && error.code === 'PORT_BUSY'
      if (!isBusy || system.clock.monotonic() > lastMs) throw error
      await system.clock.sleep(knockMs, options.signal)
    }
  }
}

async function enter(options: WebReplOptions, system: System): Promise<WebRepl> {
  const { host, password, signal } = options
  const url = `ws://${/:\d+$/.test(host) ? host : `${host}:8266`}`
  const socket = await connectTcp(url, { baud: 115_200, ...(signal && { signal }) }, system)
  const text = new Inbox(system.clock)
  const binary = new Inbox(system.clock)
  const fail = (error: WxError): void => {
    text.fail(error)
    binary.fail(error)
  }
  try {
    const head = await shakeHands(socket, url, patient(options, answerMs), system)
    const frames = new FrameReader()
    const take = (bytes: Uint8Array): void => {
      try {
        for (const { opcode, payload } of frames.push(bytes)) {
          if (opcode === opcodes.text) text.push(payload)
          else if (opcode === opcodes.binary) binary.push(payload)
          else if (opcode === opcodes.ping) send(socket, system, opcodes.pong, payload)
          else if (opcode === opcodes.close) fail(portLost(url))
        }
      } catch (error) {
        fail(error as WxError)
      }
    }
    socket.on('data', take)
    socket.on('error', (error) => fail(portLost(url, error)))
    socket.on('close', () => fail(portLost(url)))
    take(head)
    const link = webReplLink(url, socket, text, options, system)
    await signIn(link, password, signal, system)
    return { link, readFile: (path) => readFile(socket, binary, path, link, signal, system) }
  } catch (error) {
    socket.destroy()
    throw error
  }
}

/** The upgrade to WebSocket, with header names as webrepl.py compares them; gives what came behind it. */
async function shakeHands(
  socket: Socket,
  url: string,
  waitMs: number,
  system: System,
): Promise<Uint8Array> {
  const key = Buffer.from(system.randomBytes(16)).toString('base64')
  const inbox = new Inbox(system.clock)
  const onData = (bytes: Buffer): void => inbox.push(new Uint8Array(bytes))
  const onEnd = (): void => inbox.fail(portLost(url))
  socket.on('data', onData).on('close', onEnd).on('error', onEnd)
  try {
    socket.write(
      `GET / HTTP/1.1\r\nHost: ${url.slice(5)}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
    )
    let answer = Buffer.alloc(0)
    while (answer.indexOf('\r\n\r\n') < 0) {
      const bytes = await inbox.read(waitMs)
      if (bytes.length === 0) throw portLost(url)
      answer = Buffer.concat([answer, bytes])
    }
    const end = answer.indexOf('\r\n\r\n') + 4
    const accept = createHash('sha1')
      .update(key + handshakeGuid)
      .digest('base64')
    const head = answer.subarray(0, end).toString('latin1')
    if (/^HTTP\/1\.[01] 101 /.test(head) && head.includes(accept)) return answer.subarray(end)
    throw new WxError('ANSWER_INVALID', `What answers at ${url} is no WebREPL of a board.`, {
      hint: 'Give the address of the station, as `wxstation logs` shows it after "wifi joined".',
    })
  } catch (error) {
    throw orBusy(url, error)
  } finally {
    socket.off('data', onData).off('close', onEnd).off('error', onEnd)
  }
}

/** webrepl.py answers the handshake first, then hangs up where it has a client. */
function orBusy(url: string, error: unknown): unknown {
  if (!(error instanceof WxError) || error.code !== 'PORT_LOST') return error
  return new WxError('PORT_BUSY', `The WebREPL at ${url} hung up: it takes one client at a time.`, {
    cause: error,
    hint: 'Close the other WebREPL client, then run the command again.',
  })
}

async function signIn(
  link: Link,
  password: Secret,
  signal: AbortSignal | undefined,
  system: System,
): Promise<void> {
  const dialog = new Dialog(link, system)
  const wait = { silenceMs: answerMs, signal }
  const asked = await dialog.until('Password: ', wait).catch((error: unknown) => {
    throw orBusy(link.url, error)
  })
  if (asked !== undefined) await dialog.send(`${password.reveal()}\r`, signal)
  const answer = asked && (await dialog.until(['WebREPL connected\r\n', 'Access denied'], wait))
  if (!answer) throw new WxError('BOARD_SILENT', `The WebREPL at ${link.url} does not answer.`)
  if (answer.endsWith('denied')) {
    throw new WxError('LOGIN_REFUSED', `The WebREPL at ${link.url} refuses the password.`, {
      hint: "Give the station's webrepl_password, in WXSTATION_WEBREPL_PASSWORD or when asked.",
    })
  }
  dialog.giveBack()
}

function webReplLink(
  url: string,
  socket: Socket,
  inbox: Inbox,
  { patience }: WebReplOptions,
  system: System,
): Link {
  return {
    url,
    kind: 'socket',
    hasControlLines: false,
    usb: undefined,
    baud: 115_200,
    patience,
    read: (timeoutMs, signal) => inbox.read(timeoutMs, signal),
    unread: (bytes) => inbox.unread(bytes),
    async write(bytes, signal) {
      for (let at = 0; at < bytes.length; at += frameBytes) {
        const part = bytes.subarray(at, at + frameBytes)
        await sendAll(socket, clientFrame(opcodes.text, part, system.randomBytes(4)), url, signal)
      }
    },
    drain: async () => {},
    setBaud: async () => {},
    setLines: async () => {},
    discardInput: () => inbox.discard(),
    async close() {
      inbox.fail(portLost(url))
      socket.destroy()
    },
  }
}

function send(socket: Socket, system: System, opcode: number, payload: Uint8Array): void {
  socket.write(clientFrame(opcode, payload, system.randomBytes(4)))
}

/** Op 2 of extmod/modwebrepl.c: header, then pieces of at most 256 bytes, each asked for with 00. */
async function readFile(
  socket: Socket,
  inbox: Inbox,
  path: string,
  link: Link,
  signal: AbortSignal | undefined,
  system: System,
): Promise<Uint8Array> {
  const header = Buffer.alloc(82)
  header.write('WA', 0, 'latin1')
  header[2] = 2
  const name = Buffer.from(path)
  header.writeUInt16LE(name.length, 16)
  name.copy(header, 18, 0, 64)
  let rest = Buffer.alloc(0)
  const take = async (count: number): Promise<Buffer> => {
    while (rest.length < count) {
      const bytes = await inbox.read(patient(link, answerMs), signal)
      if (bytes.length === 0)
        throw new WxError('BOARD_SILENT', `${link.url} stopped sending ${path}.`)
      rest = Buffer.concat([rest, bytes])
    }
    const taken = rest.subarray(0, count)
    rest = rest.subarray(count)
    return taken
  }
  const parts: Buffer[] = []
  send(socket, system, opcodes.binary, header)
  await take(4)
  while (true) {
    send(socket, system, opcodes.binary, Uint8Array.of(0))
    const size = (await take(2)).readUInt16LE()
    if (size === 0) break
    parts.push(await take(size))
  }
  await take(4)
  return Buffer.concat(parts)
}
