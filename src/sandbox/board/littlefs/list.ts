import type { BlockDevice } from './device.js'

/**
 * A file of more than a few bytes is a skip list of blocks, read from its last one: block n > 0
 * begins with ctz(n) + 1 pointers to blocks n-1, n-2, n-4 … (littlefs DESIGN.md, "CTZ skip-lists").
 */

function pointersIn(index: number): number {
  return index === 0 ? 0 : 31 - Math.clz32(index & -index) + 1
}

/** Bytes of content in the index-th block. */
export function capacityOf(index: number, blockSize: number): number {
  return blockSize - 4 * pointersIn(index)
}

/** Which block the byte at `position` is in, and where the block's content begins in the file. */
export function blockAt(position: number, blockSize: number): { index: number; start: number } {
  let index = 0
  let start = 0
  while (position >= start + capacityOf(index, blockSize)) {
    start += capacityOf(index, blockSize)
    index++
  }
  return { index, start }
}

/** The blocks of a list of `size` bytes whose last block is `head`, first to last. */
export function blocksOf(device: BlockDevice, head: number, size: number): number[] {
  if (size === 0) return []
  const { index } = blockAt(size - 1, device.blockSize)
  const blocks = new Array<number>(index + 1)
  let block = head
  for (let i = index; ; i--) {
    blocks[i] = block
    if (i === 0) return blocks
    const pointer = device.read(block, 0, 4)
    block = new DataView(pointer.buffer, pointer.byteOffset, 4).getUint32(0, true)
  }
}

export function readBlocks(device: BlockDevice, blocks: number[], size: number): Uint8Array {
  const content = new Uint8Array(size)
  let at = 0
  blocks.forEach((block, index) => {
    const left = Math.min(capacityOf(index, device.blockSize), size - at)
    content.set(device.read(block, 4 * pointersIn(index), left), at)
    at += left
  })
  return content
}

/** Writes one block of content behind `blocks` and adds it to them; `block` is free and erased. */
export function appendBlock(
  device: BlockDevice,
  blocks: number[],
  block: number,
  content: Uint8Array,
): void {
  const index = blocks.length
  const pointers = pointersIn(index)
  const bytes = new Uint8Array(4 * pointers + content.length)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < pointers; i++) view.setUint32(4 * i, blocks[index - 2 ** i]!, true)
  bytes.set(content, 4 * pointers)
  device.program(block, 0, bytes)
  blocks.push(block)
}
