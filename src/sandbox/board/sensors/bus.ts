import type { BoardFaults } from '../../faults.js'

/** A device on an I2C bus. */
export interface Slave {
  readonly name: 'am2320' | 'bmp180'
  readonly address: number
  /** False where it does not acknowledge its address. */
  addressed(isWrite: boolean): boolean
  write(bytes: Uint8Array): void
  read(size: number): Uint8Array
}

/** Pulses of SCL after which a slave that hangs in the middle of a byte lets SDA go. */
const pulsesToFree = 9

/** One I2C bus with its slaves and the faults that can befall it. */
export class Bus {
  #pulses = 0

  constructor(
    private readonly faults: BoardFaults,
    private readonly slaves: Slave[],
  ) {}

  /** A slave holds SDA low. */
  get isStuck(): boolean {
    return this.faults.stuckBus
  }

  /** SCL was toggled by hand. */
  clock(): void {
    if (!this.isStuck) return
    this.#pulses++
    if (this.#pulses < pulsesToFree) return
    this.#pulses = 0
    this.faults.stuckBus = false
  }

  /** Undefined where nobody acknowledges the address. */
  write(address: number, bytes: Uint8Array): boolean | undefined {
    const slave = this.#find(address)
    if (!slave?.addressed(true)) return undefined
    slave.write(bytes)
    return true
  }

  read(address: number, size: number): Uint8Array | undefined {
    const slave = this.#find(address)
    return slave?.addressed(false) ? slave.read(size) : undefined
  }

  #find(address: number): Slave | undefined {
    const slave = this.slaves.find((one) => one.address === address)
    return slave && !this.faults.deadSensors.includes(slave.name) ? slave : undefined
  }
}
