import { tcpProxy } from './tcp-proxy.js'

/** `flip-two` turns the same bit of two bytes, which a checksum by XOR does not see. */
export type Damage = 'lose' | 'double' | 'flip' | 'flip-two'

const betweenTwo = 8

export interface FrameFault {
  direction: 'to-board' | 'to-host'
  /** Which frame of that direction, and the byte inside of it. */
  frame: number
  byte: number
  damage: Damage
}

export interface Cable {
  url: string
  /** Opcodes of the frames that have passed, in order. */
  toBoard: number[]
  toHost: number[]
  /** Called as a frame for the board begins to pass. */
  onFrame: (opcode: number) => void
  /** Pulls the cable: every connection breaks. */
  cut(): void
}

const end = 0xc0
/** Telnet's own byte: to damage it would break the network, which does not happen. */
const iac = 0xff

/** A network in front of an rfc2217 board that spoils one byte of one SLIP frame; none without a fault. */
export async function faultyProxy(board: string, fault?: FrameFault): Promise<Cable> {
  const of = (direction: FrameFault['direction']) =>
    fault?.direction === direction ? fault : undefined
  const toBoard: number[] = []
  const toHost: number[] = []
  const cable: Cable = { url: '', toBoard, toHost, onFrame: () => {}, cut: () => {} }
  const { url, cut } = await tcpProxy(board, {
    toBoard: spoiler(toBoard, of('to-board'), (opcode) => cable.onFrame(opcode)),
    toHost: spoiler(toHost, of('to-host')),
  })
  return Object.assign(cable, { url, cut })
}

/** Counts frames as they pass, and spoils the one that is wanted. */
function spoiler(
  opcodes: number[],
  fault: FrameFault | undefined,
  onFrame: (opcode: number) => void = () => {},
): (bytes: Buffer) => Buffer {
  let length = -1
  let frame = 0
  return (bytes) => {
    const out: number[] = []
    for (const byte of bytes) {
      if (byte === end) {
        // Two in a row open one frame only.
        if (length > 0) frame++
        length = length > 0 ? -1 : 0
        out.push(byte)
        continue
      }
      if (length >= 0) length++
      if (length === 2) {
        opcodes[frame] = byte
        onFrame(byte)
      }
      const isSecond = fault?.damage === 'flip-two' && length === fault.byte + betweenTwo
      const isHere = length === fault?.byte || isSecond
      const isHit = frame === fault?.frame && isHere && byte !== iac
      if (!isHit || fault.damage === 'double') out.push(byte)
      if (isHit && fault.damage === 'double') out.push(byte)
      if (isHit && fault.damage.startsWith('flip')) out.push(byte ^ 0x10)
    }
    return Buffer.from(out)
  }
}
