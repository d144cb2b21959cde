import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { nodeFiles } from '../../../src/system/files.js'
import { temporaryFolder } from '../../support/system.js'

it('a lock that another process took meanwhile tells whoever held it, and ends nothing else', async () => {
  const path = join(temporaryFolder(), 'file')
  const done = await nodeFiles.locked(path, async (lost) => {
    // As a process does that believes this one dead; it is noticed some seconds later.
    rmSync(`${path}.lock`, { recursive: true })
    await once(lost, 'abort')
    return lost.reason
  })
  expect(done).toMatchObject({ code: 'ECOMPROMISED' })
  expect(await nodeFiles.locked(path, async ({ aborted }) => aborted)).toBe(false)
})
