import type { Clock } from '../../../system.js'
import type { BoardFaults } from '../../faults.js'
import type { Air } from '../air.js'
import type { Machine } from '../runtime.js'
import { AccessPoint } from './access-point.js'
import type { Answer } from './messages.js'
import { type Prohibited, prohibitedPanic, watchdogPanic } from './panic.js'
import type { Peripherals } from './peripherals.js'
import { Sockets } from './sockets.js'
import { Wifi } from './wifi.js'

export interface CallsOptions {
  air: Air
  faults: BoardFaults
  peripherals: Peripherals
  machine: Machine
  /** Which port of this computer a listening port of the board is at; 0: any. */
  hostPort(port: number): number
  /** Something has happened to a socket. */
  wake(): void
  clock: Clock
}

export type Operation = (args: never, bytes: Uint8Array | undefined) => Answer | Promise<Answer>

/** What the chip has outside its interpreter: pins and buses, the radio, the network stack. */
export class Calls {
  readonly #wifi: Wifi
  readonly #accessPoint = new AccessPoint()
  readonly #sockets: Sockets
  readonly #operations: Record<string, Operation>
  #watchdog: (() => void) | undefined
  #watchdogMs = 0
  readonly #startedAt: number

  constructor(private readonly options: CallsOptions) {
    const { air, faults, peripherals, machine, hostPort, wake, clock } = options
    const accessPoint = this.#accessPoint
    this.#startedAt = clock.monotonic()
    this.#wifi = new Wifi({ air, faults, mac: machine.mac, clock })
    this.#sockets = new Sockets({ air, faults, wifi: this.#wifi, accessPoint, hostPort, wake })
    this.#operations = {
      ...peripherals.operations,
      ...this.#wifi.operations,
      ...accessPoint.operations,
      ...this.#sockets.operations,
      watchdog: ([ms]: [number]) => this.#startWatchdog(ms),
      feed: () => this.#feed(),
      deep_sleep: ([ms]: [number]) => {
        // Without a time it sleeps until EN goes low.
        if (ms >= 0) clock.timer(ms, () => machine.reset('deep-sleep'))
        return {}
      },
      memory_read: ([address]: [number]) => {
        const value = machine.read(address)
        return value === undefined ? this.#prohibited('LoadProhibited', address) : { value }
      },
      memory_write: ([address, value, mask]: [number, number, number]) =>
        machine.write(address, value, mask) ? {} : this.#prohibited('StoreProhibited', address),
    }
  }

  async run(op: string, args: unknown[], bytes: Uint8Array | undefined): Promise<Answer> {
    const operation = this.#operations[op]
    if (!operation) return { error: 22 }
    return await operation(args as never, bytes)
  }

  /** Soft reset: sockets go, the radio and the watchdog stay. */
  close(): void {
    this.#sockets.closeAll()
  }

  /** Power gone or EN low: the board leaves the air. */
  leave(): void {
    this.#watchdog?.()
    this.#wifi.leave()
    this.#accessPoint.off()
  }

  /** Once started it can not be stopped; the chip takes another time for it. */
  #startWatchdog(ms: number): Answer {
    this.#watchdogMs = ms
    return this.#feed()
  }

  #feed(): Answer {
    this.#watchdog?.()
    const { clock, machine } = this.options
    this.#watchdog = clock.timer(this.#watchdogMs, () => {
      machine.transmit(Buffer.from(watchdogPanic(machine.app, clock.monotonic() - this.#startedAt)))
      machine.reset('watchdog')
    })
    return {}
  }

  /** The CPU stops in the middle of the instruction: whoever asked gets no answer any more. */
  #prohibited(access: Prohibited['access'], address: number): Promise<Answer> {
    const { machine } = this.options
    machine.transmit(Buffer.from(prohibitedPanic(machine.app, { access, address })))
    machine.reset('software')
    return new Promise(() => {})
  }
}
