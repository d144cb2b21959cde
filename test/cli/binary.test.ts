import { execFile, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished } from 'vitest'
import { start, wxstation } from '../support/program.js'

function home(): Record<string, string> {
  const folder = mkdtempSync(join(tmpdir(), 'wxstation-binary-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return { WXSTATION_HOME: folder }
}

describe('the binary', () => {
  it('prints its version', async () => {
    expect(await wxstation(['--version'], home())).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
      err: '',
    })
  })

  it('prints help without a command, as a usage error', async () => {
    const { code, err } = await wxstation([], home())
    expect(code).toBe(2)
    expect(err).toContain('Usage: wxstation')
  })

  it('ends with the code of the error table', async () => {
    const { code, err } = await wxstation(['config', 'show', '--config', '/nowhere'], home())
    expect(code).toBe(3)
    expect(err).toContain('[settings-invalid, exit 3]')
  })

  it('loads none of the heavy packages for --help, but does load commander', async () => {
    const hook = `export async function resolve(name, context, next) {
      process._rawDebug('resolve ' + name)
      return next(name, context)
    }`
    const register = `import { register } from 'node:module'
      register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(hook)}))`
    const binary = fileURLToPath(new URL('../../bin/wxstation.js', import.meta.url))
    const { stderr } = await promisify(execFile)(process.execPath, [
      '--import',
      `data:text/javascript,${encodeURIComponent(register)}`,
      binary,
      '--help',
    ])
    expect(stderr).toContain('resolve commander')
    const heavy = ['serialport', 'esptool-js', 'undici', '@inquirer/prompts', 'ora', 'zod']
    expect(
      heavy.filter(
        (name) => stderr.includes(`resolve ${name}`) || stderr.includes(`../../sandbox`),
      ),
    ).toEqual([])
  })

  it.skipIf(process.platform === 'win32').each([
    ['in the middle', ['config', 'show'], { WXSTATION_PORT: 'x'.repeat(100_000) }],
    ['before the help', ['tail', '--help'], {}],
    ['before the version', ['--version'], {}],
    ['before an only line', ['ports'], {}],
  ])('is quiet and successful when its reader goes away %s', async (_, args, environment) => {
    const { child, done } = start(args, { ...home(), ...environment })
    child.stdout?.destroy()
    expect(await done).toMatchObject({ code: 0, err: '' })
  })

  it.skipIf(process.platform === 'win32')(
    'keeps the code of an error whose reader went away',
    async () => {
      const { child, done } = start(['config', 'show', '--config', '/nowhere'], home())
      child.stderr?.destroy()
      expect(await done).toMatchObject({ code: 3 })
    },
  )

  it
    .skipIf(!existsSync('/dev/full'))
    .each([['config', 'show'], ['config', 'show', '--json'], ['--help']])(
    'fails without a trace where the disk behind its output is full: %s %s',
    (...argv) => {
      const binary = fileURLToPath(new URL('../../bin/wxstation.js', import.meta.url))
      const { status, stderr } = spawnSync(process.execPath, [binary, ...argv], {
        env: { ...process.env, ...home(), NO_COLOR: '1' },
        stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'],
        encoding: 'utf8',
      })
      expect({ status, stderr }).toEqual({
        status: 2,
        stderr: expect.stringMatching(/^✖ Standard output cannot be written: the disk is full\.\n/),
      })
      expect(stderr).not.toContain(' at ')
    },
  )
})
