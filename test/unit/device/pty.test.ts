import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { isEmptyPlan, planFiles, surveyFiles } from '../../../src/device/files.js'
import { applyFiles } from '../../../src/device/push.js'
import { enterRawRepl } from '../../../src/device/raw-repl.js'
import { fullHeapAfter } from '../../support/full-heap.js'
import { micropythonOnPty, missingMicroPython } from '../../support/micropython.js'
import { testSystem } from '../../support/system.js'

const names = { retired: ['old.py'], data: ['station.try.json'] }
const install = readFileSync(new URL('../../../firmware/micropython/install.py', import.meta.url))

function sample(size: number, seed = 1): Uint8Array {
  let state = seed
  return Uint8Array.from({ length: size }, () => {
    state = (state * 1103515245 + 12345) & 0x7fffffff
    return state >> 16
  })
}

const skip = missingMicroPython === undefined ? '' : ` (skipped: ${missingMicroPython})`

// The Unix port has no soft reset: every session goes on in the interpreter as it is.
describe.skipIf(skip)(`raw REPL with real MicroPython on a pty${skip}`, () => {
  it('runs short and long code and tells exceptions', async () => {
    const { link } = await micropythonOnPty()
    const repl = await enterRawRepl(link, { fresh: false }, testSystem())
    expect(await repl.exec('print(6*7)')).toBe('42\n')
    const long = `${'x = 1\n'.repeat(500)}print("long", x)`
    expect(await repl.exec(long)).toBe('long 1\n')
    const { stderr } = await repl.tryExec('1/0')
    expect(stderr).toMatch(/ZeroDivisionError/)
    await expect(repl.exec(`${'#'.repeat(400)}\na b`)).rejects.toMatchObject({
      code: 'BOARD_FAULT',
      details: { traceback: expect.stringMatching(/SyntaxError/) },
    })
    expect(await repl.exec('print("€ ok")')).toBe('€ ok\n')
  })

  it.each([
    ['a tight loop', 'while True: pass\r\r'],
    ['a printing loop', "import time\rwhile True: print('busy'); time.sleep(0.01)\r\r"],
    ['paste mode', '\x05for i in range(3):\n  pri'],
    ['raw mode with a half line', '\r\x01print(1'],
    ['raw paste in the middle', '\r\x01\x05A\x01for i in ra'],
    ['a half line', 'abc'],
    ['input()', 'input("? ")\r'],
  ])('gets in from %s', async (_name, typed) => {
    const { link } = await micropythonOnPty()
    await link.read(1000)
    await link.write(Buffer.from(typed))
    await link.read(200)
    const repl = await enterRawRepl(link, { fresh: false }, testSystem())
    expect(await repl.exec('print("in")')).toBe('in\n')
  })

  it('pushes to a firmware that inflates nothing', async () => {
    const { link, folder } = await micropythonOnPty()
    const repl = await enterRawRepl(link, { fresh: false }, testSystem())
    await repl.exec(`import builtins
real=builtins.__import__
def without(name,*rest):
 if name=='deflate':raise ImportError
 return real(name,*rest)
builtins.__import__=without`)
    const local = [
      { name: 'install.py', data: install },
      { name: 'random.py', data: sample(9000) },
    ]
    const survey = await surveyFiles(repl, local)
    expect(survey.store?.windowBits).toBe(0)
    const { wireBytes } = await applyFiles(repl, planFiles(local, survey, names))
    expect(wireBytes).toBeGreaterThan(9000 + install.length)
    for (const { name, data } of local)
      expect(readFileSync(join(folder, name)).equals(Buffer.from(data)), name).toBe(true)
  })

  it('leaves to the next start what the heap is too full to unpack', async () => {
    const { link, folder, run } = await micropythonOnPty()
    const repl = await enterRawRepl(link, { fresh: false }, testSystem())
    const local = [
      { name: 'install.py', data: install },
      { name: 'random.py', data: sample(9000) },
    ]
    const survey = await surveyFiles(repl, local)
    // install.py itself, the check of the pack, and then what comes behind the commit.
    await repl.exec(fullHeapAfter(2))
    await applyFiles(repl, planFiles(local, survey, names))
    expect(readdirSync(folder).sort()).toEqual(['.next.pack', 'install.py'])
    run("import install; install.ROOT = './'; install.run()")
    expect(readdirSync(folder).sort()).toEqual(['install.py', 'random.py'])
    expect(readFileSync(join(folder, 'random.py')).equals(sample(9000))).toBe(true)
  })

  it('writes, verifies and replaces files, and finds an unchanged board unchanged', async () => {
    const { link, folder } = await micropythonOnPty()
    writeFileSync(join(folder, 'old.py'), 'retired')
    writeFileSync(join(folder, 'mine.py'), 'foreign')
    const repl = await enterRawRepl(link, { fresh: false }, testSystem())
    const local = [
      { name: 'main.py', data: Buffer.from('print("new")\n'.repeat(900)) },
      { name: 'install.py', data: install },
      { name: 'random.py', data: sample(20_000) },
      { name: 'empty.py', data: new Uint8Array(0) },
    ]
    const plan = planFiles(local, await surveyFiles(repl, local), names)
    expect(plan.add.map(({ name }) => name)).toEqual([
      'main.py',
      'install.py',
      'random.py',
      'empty.py',
    ])
    expect(plan).toMatchObject({ remove: ['old.py'], foreign: ['mine.py'] })
    await applyFiles(repl, plan)
    for (const { name, data } of local)
      expect(readFileSync(join(folder, name)).equals(Buffer.from(data)), name).toBe(true)
    expect(readdirSync(folder).sort()).toEqual(
      ['empty.py', 'install.py', 'main.py', 'mine.py', 'random.py'].sort(),
    )
    expect(isEmptyPlan(planFiles(local, await surveyFiles(repl, local), names))).toBe(true)
  })
})
