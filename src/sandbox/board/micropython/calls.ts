import type { Clock } from '../../../system.js'
import type { BoardFaults } from '../../faults.js'
import type { Air } from '../air.js'
import type { ResetCause } from '../runtime.js'
import type { Answer } from './messages.js'
import type { Peripherals } from './peripherals.js'
import { Sockets } from './sockets.js'
import { Wifi } from './wifi.js'

export interface CallsOptions {
  air: Air
  faults: BoardFaults
  peripherals: Peripherals
  mac: Uint8Array
  reset(cause: ResetCause): void
  wake(): void
  clock: Clock
}

export type Operation = (args: never, bytes: Uint8Array | undefined) => Answer | Promise<Answer>

/** What the chip has outside its interpreter: pins and buses, the radio, the network stack. */
export class Calls {
  readonly #wifi: Wifi
  readonly #sockets: Sockets
  readonly #operations: Record<string, Operation>
  #watchdog: (() => void) | undefined
  #watchdogMs = 0

  constructor(private readonly options: CallsOptions) {
    const { air, faults, peripherals, mac, wake, clock } = options
    this.#wifi = new Wifi({ air, faults, mac, clock })
    this.#sockets = new Sockets({ air, faults, wifi: this.#wifi, wake })
    this.#operations = {
      ...peripherals.operations,
      ...this.#wifi.operations,
      ...this.#sockets.operations,
      watchdog: ([ms]: [number]) => this.#startWatchdog(ms),
      feed: () => this.#feed(),
      deep_sleep: ([ms]: [number]) => {
        // Without a time it sleeps until EN goes low.
        if (ms >= 0) clock.timer(ms, () => this.options.reset('deep-sleep'))
        return {}
      },
      ap_active: () => ({}),
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
  }

  /** Once started it can not be stopped; the chip takes another time for it. */
  #startWatchdog(ms: number): Answer {
    this.#watchdogMs = ms
    return this.#feed()
  }

  #feed(): Answer {
    this.#watchdog?.()
    this.#watchdog = this.options.clock.timer(this.#watchdogMs, () =>
      this.options.reset('watchdog'),
    )
    return {}
  }
}
