import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Program, start } from '../support/program.js'

/** The demo with a temporary folder of its own, so that what it leaves can be counted. */
function startDemo(): { program: Program; leftovers: () => string[] } {
  const folder = mkdtempSync(join(tmpdir(), 'wxstation-demo-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const env = { TMPDIR: folder, TEMP: folder, TMP: folder, WXSTATION_HOME: join(folder, 'home') }
  return { program: start(['demo'], env), leftovers: () => readdirSync(folder) }
}

describe('the demo', { timeout: 180_000 }, () => {
  it('runs the four commands as a user types them, ends by itself and leaves nothing', async () => {
    const { program, leftovers } = startDemo()
    const { code, out, err } = await program.done
    expect(code, out + err).toBe(0)
    const typed = out.split('\n').filter((line) => line.startsWith('$ '))
    expect(typed).toEqual([
      '$ wxstation flash micropython',
      '$ wxstation provision --wifi',
      '$ wxstation stream create',
      '$ wxstation tail --count 10',
    ])
    const records = out.split('\n').filter((line) => line.startsWith('{'))
    expect(records).toHaveLength(10)
    expect(leftovers()).toEqual([])
  })

  it.skipIf(process.platform === 'win32')('leaves nothing after Ctrl-C either', async () => {
    const { program, leftovers } = startDemo()
    let out = ''
    program.child.stdout?.on('data', (text) => {
      out += text
    })
    while (!out.includes('$ wxstation flash'))
      await new Promise((resolve) => setTimeout(resolve, 50))
    await new Promise((resolve) => setTimeout(resolve, 1500))
    program.child.kill('SIGINT')
    const { code } = await program.done
    expect(code).toBe(130)
    expect(leftovers()).toEqual([])
  })
})
