import type { System } from '../../system.js'
import { type BoardFaults, noFaults } from '../faults.js'
import { makeWeather, type Weather } from '../weather.js'
import { type Air, makeAir } from './air.js'
import { AutoReset, type AutoResetTimes, generousCapacitors } from './auto-reset.js'
import { Chip } from './chip.js'
import { encrypted, type Silicon, type SiliconName, silicon } from './chips.js'
import { Flash, onPowerLost } from './flash.js'
import { openFlashFile } from './flash-file.js'
import { startMicroPython } from './micropython/runtime.js'
import { servePort } from './port-server.js'
import type { AppImage, StartRuntime } from './runtime.js'
import { Uart } from './uart.js'

const megabyte = 1024 * 1024

export interface Wiring extends Partial<AutoResetTimes> {
  /** Bytes take their time on the wire, flash operations theirs in the chip; true unless told. */
  pacing?: boolean
  /** False leaves out what the flash chip takes for itself, as emulators do; true unless told. */
  flashTimes?: boolean
  /** What the strapping pins say in each mode, where a board differs from the usual one. */
  straps?: Silicon['straps']
}

export interface BoardOptions {
  name?: string
  chip?: SiliconName
  /** Flash encryption is burnt into its fuses. */
  isEncrypted?: boolean
  /** Six bytes; 24:0a:c4:01:02:03 unless told. */
  mac?: Uint8Array
  /** Keeps the flash over restarts of the sandbox; without it the board forgets. */
  flashFile?: string
  /** Bytes, a power of two; 4 MB unless told. */
  flashSize?: number
  faults?: Partial<BoardFaults>
  wiring?: Wiring
  /** TCP port of the RFC 2217 server; the plain one is `socketPort`. 0 takes a free one. */
  port?: number
  socketPort?: number
  /** TCP port at which its WebREPL is while it has one; 0 takes a free one. */
  webReplPort?: number
  /** The networks it hears and what lies behind them; boards that share one hear each other. */
  air?: Air
  weather?: Weather
  /** Firmware that stands in for what the flash holds; tests use it. */
  startRuntime?: (app: AppImage, faults: BoardFaults) => Promise<StartRuntime | undefined>
  log?: (text: string) => void
}

export interface VirtualBoard {
  readonly name: string
  readonly mac: Uint8Array
  readonly rfc2217Url: string
  readonly socketUrl: string
  /** For `--host`: its WebREPL, on its Wi-Fi network or at its access point. */
  readonly webReplHost: string
  /** Live: what is set here happens from now on. */
  readonly faults: BoardFaults
  readonly flash: Flash
  readonly air: Air
  /** False after a power cut, until powerCycle(). */
  readonly isPowered: boolean
  /** Takes the power away and gives it back. */
  powerCycle(): Promise<void>
  /** Writes the flash file and leaves nothing behind. */
  stop(): Promise<void>
}

/** Starts one virtual board: an ESP32 on a USB bridge, served on two TCP ports of this computer. */
export async function startBoard(options: BoardOptions, system: System): Promise<VirtualBoard> {
  const { clock } = system
  const name = options.name ?? 'board'
  const mac = options.mac ?? Uint8Array.of(0x24, 0x0a, 0xc4, 0x01, 0x02, 0x03)
  const delivered: Silicon = silicon[options.chip ?? 'esp32']
  const part = options.isEncrypted ? encrypted(delivered) : delivered
  const isPaced = options.wiring?.pacing ?? true
  const hasFlashTimes = isPaced && (options.wiring?.flashTimes ?? true)
  const webReplPort = await freePort(options.webReplPort ?? 0, system)
  const size = options.flashSize ?? 4 * megabyte
  const file = await openFlashFile({ path: options.flashFile, size }, system)
  const flash = new Flash(file.shared)
  const air = options.air ?? makeAir(system)
  const weather = options.weather ?? makeWeather()
  // Images of anything but MicroPython boot, and then nothing is known of what they do.
  const firmware = async (app: AppImage): Promise<StartRuntime | undefined> =>
    app.project === 'micropython'
      ? (machine) => startMicroPython(machine, { faults, air, weather, isPaced, webReplPort })
      : undefined
  let isPowered = false
  let disconnect = (): void => {}
  const faults = liveFaults(options.faults, {
    unplug: () => disconnect(),
    cutPowerAt: (operation) => flash.cutPowerAt(operation),
  })
  const uart = new Uart({ clock, isPaced, faults })
  const reset: AutoReset = new AutoReset(
    clock,
    { ...generousCapacitors, ...options.wiring },
    {
      hold: () => void chip.hold(),
      release: () => {
        if (isPowered) chip.release('enable-pin')
      },
    },
  )
  const chip = new Chip({
    system,
    silicon: part,
    flash: file.shared,
    mac,
    uart,
    isPaced,
    hasFlashTimes,
    straps: options.wiring?.straps ?? part.straps,
    io0IsLow: () => reset.io0IsLow,
    startRuntime: (app) => (options.startRuntime ?? firmware)(app, faults),
    log: (text) => options.log?.(`${name} ${text}`),
  })
  const powerOff = async (): Promise<void> => {
    isPowered = false
    await chip.hold()
  }
  const powerOn = (): void => {
    flash.powerOn()
    isPowered = true
    if (!reset.isHeld) chip.release('power-on')
  }
  const forget = onPowerLost(file.shared, () => {
    // The fault has happened; it does not wait for the next operation of the same number.
    faults.cutPowerAtFlashOperation = 0
    void powerOff()
  })
  const server = await servePort(
    {
      uart,
      reset,
      rfc2217Port: options.port ?? 0,
      socketPort: options.socketPort ?? 0,
      isUnplugged: () => faults.unplugged,
    },
    system,
  ).catch(async (error: unknown) => {
    forget()
    await file.close()
    throw error
  })
  disconnect = server.disconnect
  powerOn()
  return {
    name,
    mac,
    rfc2217Url: `rfc2217://127.0.0.1:${server.rfc2217Port}`,
    socketUrl: `socket://127.0.0.1:${server.socketPort}`,
    webReplHost: `127.0.0.1:${webReplPort}`,
    faults,
    flash,
    air,
    get isPowered() {
      return isPowered
    },
    async powerCycle() {
      await powerOff()
      powerOn()
    },
    async stop() {
      await server.close()
      reset.stop()
      forget()
      await powerOff()
      uart.purge({ toChip: true, toHost: true })
      await file.close()
    },
  }
}

/** A port to listen on later; throws where it is taken. */
async function freePort(wanted: number, { net }: System): Promise<number> {
  const { port, close } = await net.listen({ port: wanted }, (socket) => void socket.destroy())
  await close()
  return port
}

/** The faults as an object whose two sudden ones act when they are set. */
function liveFaults(
  given: Partial<BoardFaults> | undefined,
  act: { unplug(): void; cutPowerAt(operation: number): void },
): BoardFaults {
  const faults = { ...noFaults(), ...given }
  let { unplugged, cutPowerAtFlashOperation } = faults
  if (cutPowerAtFlashOperation > 0) act.cutPowerAt(cutPowerAtFlashOperation)
  return Object.defineProperties(faults, {
    unplugged: {
      enumerable: true,
      get: () => unplugged,
      set: (value: boolean) => {
        unplugged = value
        if (value) act.unplug()
      },
    },
    cutPowerAtFlashOperation: {
      enumerable: true,
      get: () => cutPowerAtFlashOperation,
      set: (value: number) => {
        cutPowerAtFlashOperation = value
        act.cutPowerAt(value)
      },
    },
  })
}
