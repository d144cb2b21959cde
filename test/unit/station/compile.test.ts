import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { compilerFor } from '../../../src/station/compile.js'
import { nodeSystem } from '../../../src/system/node.js'
import { micropythonOnPty, missingMicroPython } from '../../support/micropython.js'

/** What MicroPython 1.23 of an ESP32 says as `sys.implementation._mpy`. */
const chip = 11_014

describe('compiling for a board', () => {
  it('makes bytecode of version 6, and leaves no listener on the process', async () => {
    const names = ['uncaughtException', 'unhandledRejection'] as const
    const before = names.map((name) => process.listenerCount(name))
    const compile = await compilerFor(chip, nodeSystem())
    if (!compile) throw new Error('no compiler')
    for (const name of ['a.py', 'b.py']) {
      const mpy = await compile(name, Buffer.from('x = 1\n'))
      expect([...mpy.subarray(0, 2)]).toEqual([0x4d, 6])
    }
    expect(names.map((name) => process.listenerCount(name))).toEqual(before)
  })

  it.skipIf(missingMicroPython)('names file and line of the source in a traceback', async () => {
    const board = await micropythonOnPty()
    const compile = await compilerFor(chip, nodeSystem())
    const mpy = await compile?.(
      'pins.py',
      Buffer.from('def read():\n    # no pin\n    raise OSError(19)\n'),
    )
    writeFileSync(join(board.folder, 'pins.mpy'), mpy ?? '')
    const said = board.run(
      'import pins, sys\ntry:\n pins.read()\nexcept OSError as e:\n sys.print_exception(e, sys.stdout)',
    )
    expect(said).toContain('File "pins.py", line 3, in read')
  })

  it('says which file does not compile', async () => {
    const compile = await compilerFor(chip, nodeSystem())
    await expect(compile?.('bad.py', Buffer.from('a b\n'))).rejects.toThrow(/bad\.py does not/)
  })

  it('offers nothing to a firmware of another bytecode', async () => {
    expect(await compilerFor(5, nodeSystem())).toBeUndefined()
  })
})
