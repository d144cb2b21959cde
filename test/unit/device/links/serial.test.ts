import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openLink } from '../../../../src/device/links/open.js'
import { openError } from '../../../../src/device/links/serial.js'
import { testSystem } from '../../../support/system.js'

describe('a port that does not open', () => {
  // The texts are what serialport 13 gives: strerror on unix, FormatMessage on Windows.
  it.each([
    ['linux', 'Error: Permission denied, cannot open /dev/ttyUSB0', 'PORT_PERMISSION', 5],
    ['darwin', 'Error: Permission denied, cannot open /dev/cu.x', 'PORT_PERMISSION', 5],
    ['linux', 'Error Resource temporarily unavailable Cannot lock port', 'PORT_BUSY', 5],
    ['linux', 'Error: Device or resource busy, cannot open /dev/ttyUSB0', 'PORT_BUSY', 5],
    ['win32', 'Opening COM7: Access denied', 'PORT_BUSY', 5],
    ['linux', 'Error: No such file or directory, cannot open /dev/ttyUSB0', 'PORT_ABSENT', 4],
    ['win32', 'Opening COM7: File not found', 'PORT_ABSENT', 4],
  ] as const)('on %s: %s is %s', (platform, text, code, exitCode) => {
    const error = openError('PORT', new Error(text), platform)
    expect(error).toMatchObject({ code, exitCode, details: { port: 'PORT' } })
    expect(error.message).toContain('PORT')
  })

  it.skipIf(process.platform === 'win32')('is absent where there is no such path', async () => {
    const system = testSystem()
    await expect(
      openLink(join(system.cwd, 'tty'), { baud: 115_200 }, system),
    ).rejects.toMatchObject({
      code: 'PORT_ABSENT',
    })
  })

  it.skipIf(process.platform === 'win32')('is absent where the path is a plain file', async () => {
    const system = testSystem()
    const path = join(system.cwd, 'file')
    writeFileSync(path, '')
    await expect(openLink(path, { baud: 115_200 }, system)).rejects.toMatchObject({
      code: 'PORT_ABSENT',
    })
  })
})
