import { errnoOf, WxError } from '../../errors.js'
import type { PortInfo, System } from '../../system.js'
import type { Link, OpenLinkOptions } from '../link.js'
import { portState } from '../port-state.js'
import { Inbox } from './inbox.js'
import { portLost, sendAll } from './tcp.js'

type SerialPort = import('serialport').SerialPort

/** serialport is loaded only when a real port is used: its native part does not load everywhere. */
const load = (): Promise<typeof import('serialport')> => import('serialport')

/** Every serial port the system lists, without opening any. Rejects where the list cannot be made. */
export async function listSerialPorts(): Promise<PortInfo[]> {
  const { SerialPort } = await load()
  return (await SerialPort.list()).map(
    ({ path, vendorId, productId, serialNumber, manufacturer }) => ({
      path,
      // serialport gives ids as hex text without 0x.
      ...(vendorId && { vendorId: Number.parseInt(vendorId, 16) }),
      ...(productId && { productId: Number.parseInt(productId, 16) }),
      ...(serialNumber && { serialNumber }),
      ...(manufacturer && { manufacturer }),
    }),
  )
}

/** Opens a device path, exclusively, with DTR and RTS released. */
export async function openSerialLink(
  path: string,
  options: OpenLinkOptions,
  system: System,
): Promise<Link> {
  const { SerialPort } = await load()
  // hupcl off: closing must not drop the lines, which resets many boards (ux.md, pain 5).
  const port = new SerialPort({
    path,
    baudRate: options.baud,
    autoOpen: false,
    hupcl: false,
    lock: true,
  })
  const refused = await new Promise<Error | null | undefined>((resolve) => port.open(resolve))
  if (refused) throw await explained(openError(path, refused, system.host.platform), path, system)
  const inbox = new Inbox(system.clock)
  let hasControlLines = true
  let baud = options.baud
  port.on('data', (bytes: Buffer) => inbox.push(new Uint8Array(bytes)))
  port.on('error', (error) => inbox.fail(portLost(path, error)))
  port.on('close', (error: unknown) => inbox.fail(portLost(path, error)))

  const setLines = async (lines: { dtr: boolean; rts: boolean }): Promise<void> => {
    if (!hasControlLines) return
    try {
      // All three lines each time: what is left out goes to serialport's own default.
      await call(port, (done) => port.set({ ...lines, brk: false }, done))
    } catch (error) {
      if (!port.isOpen) throw portLost(path, error)
      // A pseudo-terminal and some adapters have no lines (ENOTTY): the caller learns it from the flag.
      hasControlLines = false
    }
  }
  // Opening asserts both lines; releasing them together leaves the chip running.
  await setLines({ dtr: false, rts: false })
  const known = (await findPort(path, system)) ?? undefined

  return {
    url: path,
    kind: 'serial',
    get hasControlLines() {
      return hasControlLines
    },
    usb:
      known?.vendorId !== undefined && known.productId !== undefined
        ? {
            vendorId: known.vendorId,
            productId: known.productId,
            ...(known.serialNumber && { serialNumber: known.serialNumber }),
          }
        : undefined,
    get baud() {
      return baud
    },
    patience: options.patience,
    read: (timeoutMs, signal) => inbox.read(timeoutMs, signal),
    unread: (bytes) => inbox.unread(bytes),
    write: (bytes, signal) => sendAll(port, bytes, path, signal),
    drain: () =>
      call(port, (done) => port.drain(done)).catch((error) =>
        Promise.reject(portLost(path, error)),
      ),
    async setBaud(rate) {
      await call(port, (done) => port.drain(done))
      await call(port, (done) => port.update({ baudRate: rate }, done))
      baud = rate
    },
    setLines,
    discardInput: () => inbox.discard(),
    async close() {
      inbox.fail(portLost(path))
      port.removeAllListeners('close')
      if (!port.isOpen) return
      await setLines({ dtr: false, rts: false }).catch(() => undefined)
      await new Promise<void>((resolve) => port.close(() => resolve()))
    },
  }
}

function call(
  port: SerialPort,
  run: (done: (error: Error | null | undefined) => void) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (!port.isOpen) return reject(new Error('closed'))
    run((error) => (error ? reject(error) : resolve()))
  })
}

async function findPort(path: string, system: System): Promise<PortInfo | undefined> {
  const real = await system.files.realPath(path)
  const list = system.serial?.list ?? listSerialPorts
  try {
    return (await list()).find((port) => port.path === path || port.path === real)
  } catch {
    // Without udevadm there is no list; the port works without its USB ids.
    return undefined
  }
}

/** Adds what the system tells: the command that grants the port, or who holds it. */
export async function explained(error: WxError, path: string, system: System): Promise<WxError> {
  if (error.code !== 'PORT_PERMISSION' && error.code !== 'PORT_BUSY') return error
  const state = await portState(path, system)
  const { cause, details } = error
  if (error.code === 'PORT_PERMISSION' && state.kind === 'no-permission') {
    const { group, commands } = state
    return new WxError(
      'PORT_PERMISSION',
      `The port ${path} belongs to the group "${group}", and you are not in it.`,
      { cause, hint: commands.join('\n'), details: { ...details, group, commands } },
    )
  }
  if (error.code === 'PORT_BUSY' && state.kind === 'busy' && state.program) {
    const { program, pid } = state
    const who = pid === undefined ? program : `${program} (pid ${pid})`
    return new WxError('PORT_BUSY', `The port ${path} is in use by ${who}.`, {
      ...{ cause, hint: `Close ${program}, then run the command again.` },
      details: { ...details, program, ...(pid !== undefined && { pid }) },
    })
  }
  return error
}

/**
 * serialport gives an Error whose only mark is strerror's text (no code, no errno: checked in
 * its bindings), so this one doorkeeper reads that text; elsewhere errors are told by errno.
 */
export function openError(path: string, cause: Error, platform: NodeJS.Platform): WxError {
  const details = { port: path }
  const text = `${errnoOf(cause) ?? ''} ${cause.message}`
  // Windows says "Access denied" for a port that another program holds.
  const denied = /EACCES|EPERM|Permission denied|Access denied/i.test(text)
  if (denied && platform !== 'win32') {
    return new WxError('PORT_PERMISSION', `You may not open the port ${path}.`, { cause, details })
  }
  if (denied || /EBUSY|EAGAIN|busy|Cannot lock port|temporarily unavailable/i.test(text)) {
    return new WxError('PORT_BUSY', `The port ${path} is in use by another program.`, {
      cause,
      details,
    })
  }
  return new WxError('PORT_ABSENT', `There is no usable port ${path}.`, { cause, details })
}
