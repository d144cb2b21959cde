import type { Flash } from '../flash.js'
import { type BlockDevice, errno, FileSystemError } from '../littlefs/device.js'
import type { OpenFile } from '../littlefs/file.js'
import { LittleFs, type Stat } from '../littlefs/littlefs.js'

const blockSize = 4096

/** The attribute in which MicroPython's VfsLfs2 keeps the time of the last write. */
const timeAttribute = 1

/** readblocks (the address of what was read), writeblocks and the erase of a device in Python. */
type BlockCalls = [
  (block: number, at: number, size: number) => number,
  (block: number, at: number, size: number) => void,
  (block: number) => void,
]

/** Files and raw flash for Python: descriptors and numbers; a negative answer is an errno. */
export class FileBindings {
  readonly #systems: LittleFs[] = []
  readonly #devices: BlockDevice[] = []
  #programmed: Uint8Array = new Uint8Array(0)
  readonly #files = new Map<number, OpenFile>()
  #nextFile = 1

  constructor(
    private readonly flash: Flash,
    private readonly memory: () => Uint8Array,
    private readonly nowNs: () => bigint,
  ) {}

  closeAll(): void {
    for (const system of this.#systems) system.closeAll()
  }

  readonly functions = {
    /** A device for the others to live on: a part of the flash, or functions in Python. */
    fs_flash: (offset: number, size: number) =>
      this.#devices.push(flashDevice(this.flash, offset, size)) - 1,
    fs_blocks: (size: number, count: number, ...calls: BlockCalls) =>
      this.#devices.push(this.#pythonDevice(size, count, calls)) - 1,
    /** The bytes a device in Python has to program. */
    fs_take: (address: number) => this.memory().set(this.#programmed, address),
    /** Mounts the file system on this device: its number, or -1 where there is none. */
    fs_mount: (device: number) => this.#mount(device),
    fs_format: (device: number) => guarded(() => LittleFs.format(this.#device(device))),
    fs_open: (system: number, path: string, mode: string) =>
      guarded(() => this.#open(system, path, mode)),
    fs_read: (file: number, address: number, size: number) =>
      guarded(() => {
        const bytes = this.#file(file).read(size)
        this.memory().set(bytes, address)
        return bytes.length
      }),
    fs_write: (file: number, address: number, size: number) =>
      guarded(() => {
        this.#file(file).write(this.memory().slice(address, address + size))
        return size
      }),
    fs_seek: (file: number, offset: number, whence: number) =>
      guarded(() => {
        const open = this.#file(file)
        const from = whence === 0 ? 0 : whence === 1 ? open.position : open.size
        open.position = Math.max(0, from + offset)
        return open.position
      }),
    fs_flush: (file: number) => guarded(() => void this.#file(file).sync()),
    fs_close: (file: number) =>
      guarded(() => {
        const open = this.#file(file)
        this.#files.delete(file)
        open.close()
      }),
    fs_stat: (system: number, path: string) =>
      guarded(() => JSON.stringify(shown(this.#system(system).stat(path)))),
    fs_list: (system: number, path: string) =>
      guarded(() => {
        const all = this.#system(system).list(path)
        return JSON.stringify(all.map(({ name, stat }) => [name, ...shown(stat)]))
      }),
    fs_mkdir: (system: number, path: string) =>
      guarded(() => void this.#system(system).makeFolder(path)),
    fs_remove: (system: number, path: string) =>
      guarded(() => void this.#system(system).remove(path)),
    fs_rename: (system: number, from: string, to: string) =>
      guarded(() => void this.#system(system).rename(from, to)),
    fs_used: (system: number) => guarded(() => this.#system(system).usedBlocks().size),
    flash_read: (offset: number, address: number, size: number) => {
      this.memory().set(this.flash.read(offset, size), address)
    },
    flash_program: (offset: number, address: number, size: number) => {
      this.flash.program(offset, this.memory().slice(address, address + size))
    },
    flash_erase: (offset: number) => this.flash.eraseSector(offset),
    flash_size: () => this.flash.size,
  }

  #mount(device: number): number {
    try {
      const system = LittleFs.mount(this.#device(device))
      system.attributesOfWrites = () => new Map([[timeAttribute, this.#time()]])
      return this.#systems.push(system) - 1
    } catch (error) {
      if (error instanceof FileSystemError) return -1
      throw error
    }
  }

  #open(system: number, path: string, mode: string): number {
    const isRead = mode.includes('r')
    const file = this.#system(system).open(path, {
      create: !isRead,
      truncate: mode.includes('w'),
      append: mode.includes('a'),
      exclusive: mode.includes('x'),
    })
    const number = this.#nextFile++
    this.#files.set(number, file)
    return number
  }

  #device(number: number): BlockDevice {
    const device = this.#devices[number]
    if (!device) throw new FileSystemError(19)
    return device
  }

  #pythonDevice(
    blockSize: number,
    blockCount: number,
    [read, program, erase]: BlockCalls,
  ): BlockDevice {
    return {
      blockSize,
      blockCount,
      read: (block, at, size) => {
        const address = called(() => read(block, at, size))
        return this.memory().slice(address, address + size)
      },
      program: (block, at, bytes) => {
        this.#programmed = bytes
        called(() => program(block, at, bytes.length))
      },
      erase: (block) => called(() => erase(block)),
    }
  }

  #system(number: number): LittleFs {
    const system = this.#systems[number]
    if (!system) throw new FileSystemError(19)
    return system
  }

  #file(number: number): OpenFile {
    const file = this.#files.get(number)
    if (!file) throw new FileSystemError(9)
    return file
  }

  #time(): Uint8Array {
    const bytes = new Uint8Array(8)
    new DataView(bytes.buffer).setBigUint64(0, this.nowNs(), true)
    return bytes
  }
}

/** [is a folder, size, seconds since 2000 of the last write]. */
function shown({ isFolder, size, attributes }: Stat): [boolean, number, number] {
  const time = attributes.get(timeAttribute)
  if (time?.length !== 8) return [isFolder, size, 0]
  const ns = new DataView(time.buffer, time.byteOffset, 8).getBigUint64(0, true)
  return [isFolder, size, Number(ns / 1_000_000_000n) - 946_684_800]
}

/** Part of the flash chip, in the blocks it erases. */
export function flashDevice(flash: Flash, offset: number, size: number): BlockDevice {
  return {
    blockSize,
    blockCount: Math.floor(size / blockSize),
    read: (block, at, length) => flash.read(offset + block * blockSize + at, length),
    program: (block, at, bytes) => flash.program(offset + block * blockSize + at, bytes),
    erase: (block) => flash.eraseSector(offset + block * blockSize),
  }
}

/** What Python's code raises is an error of the device to the file system. */
function called<T>(fn: () => T): T {
  try {
    return fn()
  } catch {
    throw new FileSystemError(errno.EIO)
  }
}

function guarded<T>(fn: () => T): T | number {
  try {
    return fn() ?? 0
  } catch (error) {
    if (error instanceof FileSystemError) return -error.errno
    throw error
  }
}
