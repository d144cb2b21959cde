import { type BlockDevice, errno, FileSystemError, nameMax } from './device.js'
import type { Metadata } from './metadata.js'
import { type Tag, types } from './tags.js'

/** On-disk version 2.0: what the chip's release writes and every littlefs 2 reads. */
const version = 0x0002_0000
const magic = Buffer.from('littlefs')
const fileMax = 0x7fff_ffff
const attributeMax = 1022

export function superblockTags(device: BlockDevice): Tag[] {
  const data = new Uint8Array(24)
  const view = new DataView(data.buffer)
  const words = [version, device.blockSize, device.blockCount, nameMax, fileMax, attributeMax]
  words.forEach((word, i) => {
    view.setUint32(4 * i, word, true)
  })
  return [
    { type: types.create, id: 0, data: new Uint8Array(0) },
    { type: types.superblock, id: 0, data: new Uint8Array(magic) },
    { type: types.inlineStruct, id: 0, data },
  ]
}

/** Throws FileSystemError where the root is no superblock, or one of another device. */
export function superblockOf(root: Metadata, device: BlockDevice): void {
  const entry = root.entries.find(({ type }) => type === types.superblock)
  if (!entry || !magic.equals(entry.name)) throw new FileSystemError(errno.EINVAL)
  const view = new DataView(entry.struct.data.buffer, entry.struct.data.byteOffset, 24)
  if (view.getUint32(0, true) >>> 16 !== 2) throw new FileSystemError(errno.EINVAL)
  if (view.getUint32(4, true) !== device.blockSize) throw new FileSystemError(errno.EINVAL)
  if (view.getUint32(8, true) !== device.blockCount) throw new FileSystemError(errno.EINVAL)
}
