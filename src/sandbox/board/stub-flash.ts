import { blockSize, Flash, sectorSize } from './flash.js'
import type { LoaderPins } from './loader.js'

/** The flash chip as a stub drives it: an erase goes on by itself while the CPU does something else. */
export class StubFlash {
  readonly flash: Flash
  #spent = 0
  #erasing: Promise<void> | undefined

  constructor(private readonly pins: Pick<LoaderPins, 'flash' | 'busy'>) {
    this.flash = new Flash(pins.flash, { spend: (ms) => (this.#spent += ms) })
  }

  get isErasing(): boolean {
    return this.#erasing !== undefined
  }

  /** Begins an erase and does not wait for its end. Throws PowerLost, FlashRangeError. */
  begin(erase: (flash: Flash) => void): void {
    erase(this.flash)
    const erasing = this.pins.busy(this.#takeSpent()).then(() => {
      if (this.#erasing === erasing) this.#erasing = undefined
    })
    this.#erasing = erasing
  }

  /** Waits until the chip has nothing to do. */
  async rest(): Promise<void> {
    await this.#erasing
    await this.pins.busy(this.#takeSpent())
  }

  #takeSpent(): number {
    const ms = this.#spent
    this.#spent = 0
    return ms
  }
}

/** Erases 64 KB where a whole block is to go, else a sector; answers where it ends. */
export function eraseNext(flash: Flash, at: number, end: number): number {
  if (at % blockSize === 0 && end - at >= blockSize) {
    flash.eraseBlock(at)
    return at + blockSize
  }
  flash.eraseSector(at)
  return at + sectorSize
}
