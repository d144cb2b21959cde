import type { FileHandle } from 'node:fs/promises'
import type { System } from '../../system.js'
import { Flash, makeSharedFlash, sectorSize } from './flash.js'
import type { SharedFlash } from './runtime.js'

/** How often changed sectors reach the file; a killed sandbox loses at most this much. */
const saveEveryMs = 250

export interface FlashFile {
  readonly shared: SharedFlash
  /** Writes what has changed and keeps the file open. */
  save(): Promise<void>
  close(): Promise<void>
}

/**
 * A flash chip whose content lives in a file, so that a board survives the sandbox.
 * Without a path it forgets. A shorter file is filled up with erased flash.
 */
export async function openFlashFile(
  options: { path?: string | undefined; size: number },
  system: System,
): Promise<FlashFile> {
  const { path, size } = options
  if (path === undefined) {
    return { shared: makeSharedFlash(size), save: async () => {}, close: async () => {} }
  }
  const content = await system.files.read(path)
  const shared = makeSharedFlash(size, content)
  if (content?.length !== size) await system.files.write(path, new Uint8Array(shared.memory))
  const file = await system.files.open(path, 'r+')
  return keepSaving(shared, file, system)
}

function keepSaving(shared: SharedFlash, file: FileHandle, system: System): FlashFile {
  const flash = new Flash(shared)
  const memory = Buffer.from(shared.memory)
  let cancel = (): void => {}
  let saving: Promise<void> = Promise.resolve()
  const write = async (): Promise<void> => {
    for (const sector of flash.takeChangedSectors()) {
      await file.write(memory, sector * sectorSize, sectorSize, sector * sectorSize)
    }
  }
  const save = (): Promise<void> => {
    saving = saving.then(write)
    return saving
  }
  const schedule = (): void => {
    cancel = system.clock.timer(saveEveryMs, () => void save().then(schedule))
  }
  schedule()
  let closed: Promise<void> | undefined
  const close = async (): Promise<void> => {
    cancel()
    await save()
    // A save that was under way has set the next timer by now.
    cancel()
    await file.close()
  }
  return {
    shared,
    save,
    close: () => {
      closed ??= close()
      return closed
    },
  }
}
