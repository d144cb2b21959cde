/** Grows as it is written to. */
export class ByteWriter {
  private bytes: Buffer
  length = 0

  constructor(size = 1024) {
    this.bytes = Buffer.allocUnsafe(size)
  }

  private room(size: number): number {
    const at = this.length
    this.length += size
    if (this.length > this.bytes.length) {
      const bigger = Buffer.allocUnsafe(Math.max(this.length, this.bytes.length * 2))
      this.bytes.copy(bigger, 0, 0, at)
      this.bytes = bigger
    }
    return at
  }

  u8(value: number): void {
    const at = this.room(1)
    this.bytes[at] = value
  }

  u32(value: number): void {
    const at = this.room(4)
    this.bytes.writeUInt32LE(value, at)
  }

  i64(value: bigint): void {
    const at = this.room(8)
    this.bytes.writeBigInt64LE(value, at)
  }

  f32(value: number): void {
    const at = this.room(4)
    this.bytes.writeFloatLE(value, at)
  }

  f64(value: number): void {
    const at = this.room(8)
    this.bytes.writeDoubleLE(value, at)
  }

  text(value: string): void {
    const size = Buffer.byteLength(value)
    this.u32(size)
    const at = this.room(size)
    this.bytes.write(value, at)
  }

  raw(value: Uint8Array): void {
    const at = this.room(value.length)
    this.bytes.set(value, at)
  }

  /** Zeros to be filled in later; gives where they start. */
  reserve(size: number): number {
    const at = this.room(size)
    this.bytes.fill(0, at, at + size)
    return at
  }

  setBit(at: number, bit: number): void {
    const index = at + (bit >> 3)
    this.bytes[index] = (this.bytes[index] ?? 0) | (1 << (bit & 7))
  }

  setU32(at: number, value: number): void {
    this.bytes.writeUInt32LE(value, at)
  }

  /** Forgets what was written behind `length`. */
  cut(length: number): void {
    this.length = length
  }

  /** The bytes so far; valid until the next write. */
  view(from = 0): Buffer {
    return this.bytes.subarray(from, this.length)
  }
}

/** Reads what ByteWriter wrote. */
export class ByteReader {
  constructor(
    public bytes: Buffer,
    public at = 0,
  ) {}

  u8(): number {
    return this.bytes[this.at++] ?? 0
  }

  u32(): number {
    this.at += 4
    return this.bytes.readUInt32LE(this.at - 4)
  }

  i64(): bigint {
    this.at += 8
    return this.bytes.readBigInt64LE(this.at - 8)
  }

  f32(): number {
    this.at += 4
    return this.bytes.readFloatLE(this.at - 4)
  }

  f64(): number {
    this.at += 8
    return this.bytes.readDoubleLE(this.at - 8)
  }

  text(): string {
    const size = this.u32()
    this.at += size
    return this.bytes.toString('utf8', this.at - size, this.at)
  }

  hasBit(at: number, bit: number): boolean {
    return ((this.bytes[at + (bit >> 3)] ?? 0) & (1 << (bit & 7))) !== 0
  }
}
