import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openLink } from '../../../../src/device/links/open.js'
import { explained, openError } from '../../../../src/device/links/serial.js'
import { WxError } from '../../../../src/errors.js'
import type { System } from '../../../../src/system.js'
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

  /** A Linux where a node of group 20 is held by minicom, for a user in no group. */
  function linuxWith(uid: string): System {
    const system = testSystem()
    const texts: Record<string, string> = {
      '/etc/group': 'dialout:x:20:\n',
      '/proc/77/comm': 'minicom\n',
    }
    const node = { size: 0, mtimeMs: 0, isFolder: false, uid: 0, gid: 20, mode: 0o20660 }
    return {
      ...system,
      host: { ...system.host, platform: 'linux', user: 'me' },
      spawn: async (command, args) => ({
        code: command === 'test' ? 1 : 0,
        stdout: args[0] === '-u' ? uid : '1000',
        stderr: '',
      }),
      files: {
        ...system.files,
        stat: async (path) => (path === '/dev/ttyUSB0' ? node : undefined),
        readText: async (path) => texts[path],
        list: async (path) => (path === '/proc' ? ['77'] : ['5']),
        realPath: async (path) => (path === '/proc/77/fd/5' ? '/dev/ttyUSB0' : path),
      },
    }
  }

  it.each([
    [
      'PORT_PERMISSION',
      '1000',
      /belongs to the group "dialout"/,
      'sudo usermod -aG dialout me\nlog out and in again',
    ],
    [
      'PORT_BUSY',
      '0',
      /in use by minicom \(pid 77\)/,
      'Close minicom, then run the command again.',
    ],
  ] as const)('says what the system tells about %s', async (code, uid, message, hint) => {
    const error = new WxError(code, 'No.', { details: { port: '/dev/ttyUSB0' } })
    const told = await explained(error, '/dev/ttyUSB0', linuxWith(uid))
    expect(told).toMatchObject({ code, message: expect.stringMatching(message), hint })
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
