import type { Receiver } from './loader.js'

/** The prompt of the BASIC interpreter in the ESP32's ROM. */
export const basicPrompt = new TextEncoder().encode('>')

/** As much of that interpreter as a lost host meets: it echoes what it gets (rom.jsonl "after flash_end"). */
export class Basic implements Receiver {
  constructor(private readonly transmit: (bytes: Uint8Array) => void) {}

  receive(bytes: Uint8Array): void {
    const echo: number[] = []
    for (const byte of bytes) {
      if (byte === 0x0d) echo.push(0x0d, 0x0a, ...basicPrompt)
      else if (byte === 0x08) echo.push(0x08, 0x20, 0x08)
      else if (byte !== 0) echo.push(byte)
    }
    this.transmit(Uint8Array.from(echo))
  }
}
