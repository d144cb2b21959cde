import { promisify } from 'node:util'
import { deflate } from 'node:zlib'

const deflated = promisify(deflate)

/** Bytes the stub takes in one block; more makes its buffers overflow (esptool's FLASH_WRITE_SIZE). */
export const blockBytes = 0x4000

/** Bytes of a region as they go over the wire. */
export interface Packed {
  bytes: Uint8Array
  deflated: Uint8Array
}

/** Compresses off the main thread, so that boards beside this one go on. */
export async function pack(bytes: Uint8Array): Promise<Packed> {
  return { bytes, deflated: await deflated(bytes, { level: 9 }) }
}
