import { Flash, PowerLost } from '../flash.js'

/** A cell nobody wakes. */
const sleeper = new Int32Array(new SharedArrayBuffer(4))

/** Flash as the running firmware has it: when the power goes, nothing comes after. */
export class PoweredFlash extends Flash {
  override read(offset: number, size: number): Uint8Array {
    return untilPowerGoes(() => super.read(offset, size))
  }

  override program(offset: number, bytes: Uint8Array): void {
    untilPowerGoes(() => super.program(offset, bytes))
  }

  override eraseSector(offset: number): void {
    untilPowerGoes(() => super.eraseSector(offset))
  }
}

function untilPowerGoes<T>(fn: () => T): T {
  try {
    return fn()
  } catch (error) {
    // The board ends this thread; until then no bytecode may run.
    while (error instanceof PowerLost) Atomics.wait(sleeper, 0, 0)
    throw error
  }
}
