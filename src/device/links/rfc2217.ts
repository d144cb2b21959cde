import { WxError } from '../../errors.js'
import type { Clock, System } from '../../system.js'
import type { Link, OpenLinkOptions } from '../link.js'
import { Inbox } from './inbox.js'
import { connectTcp, portLost, sendAll } from './tcp.js'
import {
  comPort,
  control,
  escapeData,
  option,
  subnegotiation,
  TelnetParser,
  telnet,
} from './telnet.js'

/** A server that has not taken option 44 by then is not one; pyserial waits as long. */
const negotiationTimeoutMs = 3000

/**
 * A port behind telnet (RFC 2217). Nothing waits for a SET-CONTROL acknowledgement, and only
 * lines that changed are sent, DTR before RTS in one segment: esptool's own server answers none,
 * and takes a repeated RTS-off as a wish to reset (shared/serial-flash.md, section 4).
 * Neither line is touched at open, for the same reason.
 */
export async function openRfc2217Link(
  url: string,
  options: OpenLinkOptions,
  system: System,
): Promise<Link> {
  const socket = await connectTcp(url, options, system)
  const inbox = new Inbox(system.clock)
  const parser = new TelnetParser()
  const lines = { dtr: false, rts: false }
  let baud = options.baud
  let acceptBaud: (() => void) | undefined
  let accepted = (): void => {}
  const agreed = new Promise<void>((resolve) => {
    accepted = resolve
  })

  const reply = (verb: number, code: number): void =>
    void socket.write(Uint8Array.of(telnet.IAC, verb, code))
  const known = new Set<number>([option.BINARY, option.SUPPRESS_GO_AHEAD, option.COM_PORT])
  const answered = new Set<string>()

  const negotiate = (verb: number, code: number): void => {
    if (code === option.COM_PORT && (verb === telnet.DO || verb === telnet.WILL)) accepted()
    // Each request is answered once: answering answers would go on for ever.
    const key = `${verb}:${code}`
    if (answered.has(key)) return
    answered.add(key)
    if (verb === telnet.DO) reply(known.has(code) ? telnet.WILL : telnet.WONT, code)
    if (verb === telnet.WILL)
      reply(known.has(code) || code === option.ECHO ? telnet.DO : telnet.DONT, code)
  }

  socket.on('data', (chunk) => {
    for (const item of parser.parse(chunk)) {
      if (item.type === 'data') inbox.push(item.bytes)
      else if (item.type === 'negotiate') negotiate(item.verb, item.option)
      else if (item.bytes[0] === option.COM_PORT && item.bytes[1] === comPort.SET_BAUDRATE + 100)
        acceptBaud?.()
    }
  })
  socket.on('error', (error) => inbox.fail(portLost(url, error)))
  socket.on('close', () => inbox.fail(portLost(url)))

  const send = (bytes: Uint8Array, signal?: AbortSignal): Promise<void> =>
    sendAll(socket, bytes, url, signal)
  const close = async (): Promise<void> => {
    socket.removeAllListeners('close')
    inbox.fail(portLost(url))
    // end() lets what was written leave; a peer that does not close is left after a second.
    const cancel = system.clock.timer(1000, () => socket.destroy())
    socket.once('close', cancel)
    socket.end()
  }

  /** Waits a little for the server to say that it took the rate; some never say. */
  const sendBaud = async (rate: number): Promise<void> => {
    const taken = new Promise<void>((resolve) => {
      acceptBaud = resolve
    })
    const value = new Uint8Array(4)
    new DataView(value.buffer).setUint32(0, rate)
    await send(subnegotiation(comPort.SET_BAUDRATE, value))
    await within(taken, 500, system.clock)
  }

  try {
    await send(
      Uint8Array.of(
        ...[telnet.IAC, telnet.WILL, option.BINARY, telnet.IAC, telnet.DO, option.BINARY],
        ...[
          telnet.IAC,
          telnet.WILL,
          option.SUPPRESS_GO_AHEAD,
          telnet.IAC,
          telnet.DO,
          option.SUPPRESS_GO_AHEAD,
        ],
        ...[telnet.IAC, telnet.WILL, option.COM_PORT, telnet.IAC, telnet.DO, option.COM_PORT],
      ),
    )
    if (!(await within(agreed, negotiationTimeoutMs, system.clock, options.signal)))
      throw inbox.failure ?? notAServer(url)
    // 8 data bits, no parity, one stop bit, no flow control.
    await send(subnegotiation(comPort.SET_DATASIZE, [8]))
    await send(subnegotiation(comPort.SET_PARITY, [1]))
    await send(subnegotiation(comPort.SET_STOPSIZE, [1]))
    await send(subnegotiation(comPort.SET_CONTROL, [control.NO_FLOW]))
    await sendBaud(baud)
  } catch (error) {
    socket.destroy()
    throw error
  }

  return {
    url,
    kind: 'rfc2217',
    hasControlLines: true,
    usb: undefined,
    get baud() {
      return baud
    },
    patience: options.patience,
    read: (timeoutMs, signal) => inbox.read(timeoutMs, signal),
    unread: (bytes) => inbox.unread(bytes),
    write: (bytes, signal) => send(escapeData(bytes), signal),
    drain: async () => {},
    async setBaud(rate) {
      await sendBaud(rate)
      baud = rate
    },
    async setLines({ dtr, rts }) {
      const frames: Uint8Array[] = []
      if (dtr !== lines.dtr) {
        frames.push(subnegotiation(comPort.SET_CONTROL, [dtr ? control.DTR_ON : control.DTR_OFF]))
      }
      if (rts !== lines.rts) {
        frames.push(subnegotiation(comPort.SET_CONTROL, [rts ? control.RTS_ON : control.RTS_OFF]))
      }
      Object.assign(lines, { dtr, rts })
      if (frames.length > 0) await send(Uint8Array.from(frames.flatMap((frame) => [...frame])))
    },
    discardInput: () => inbox.discard(),
    close,
  }
}

/** Whether something happens in time. No timer stays behind: it would hold the process until it ends. */
async function within(
  event: Promise<void>,
  ms: number,
  clock: Clock,
  signal?: AbortSignal,
): Promise<boolean> {
  const over = new AbortController()
  const late = clock
    .sleep(ms, signal ? AbortSignal.any([signal, over.signal]) : over.signal)
    .then(() => false)
  late.catch(() => {})
  try {
    return await Promise.race([event.then(() => true), late])
  } finally {
    over.abort()
  }
}

function notAServer(url: string): WxError {
  return new WxError('PORT_ABSENT', `What answers at ${url} does not speak RFC 2217.`, {
    hint: 'Use socket://host:port for a raw byte pipe.',
    details: { port: url },
  })
}
