import { tcpProxy } from './tcp-proxy.js'

/** SET-CONTROL of telnet's COM-PORT option; 8, 9 move DTR, 11, 12 move RTS. */
const control = (value: number): number[] => [255, 250, 44, 5, value, 255, 240]
const lines = new Set([8, 9, 11, 12].map((value) => Buffer.from(control(value)).toString('latin1')))
const each = /\xff\xfa\x2c\x05.\xff\xf0/gs

export interface HandReset {
  url: string
  /** Holds BOOT, taps RESET, lets BOOT go. */
  pressBoot(): Promise<void>
}

/** A board without an auto-reset circuit: the host's lines lead nowhere, and somebody has to press. */
export async function byHand(board: string): Promise<HandReset> {
  const { url, inject } = await tcpProxy(board, {
    toBoard: (bytes) =>
      Buffer.from(
        bytes.toString('latin1').replace(each, (frame) => (lines.has(frame) ? '' : frame)),
        'latin1',
      ),
  })
  const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
  return {
    url,
    async pressBoot() {
      // As the auto-reset circuit does it: EN low, then IO0 low while EN rises.
      inject(Uint8Array.from([...control(9), ...control(11)]))
      await wait(50)
      inject(Uint8Array.from([...control(8), ...control(12)]))
      await wait(100)
      inject(Uint8Array.from(control(9)))
    },
  }
}
