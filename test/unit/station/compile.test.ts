import { describe, expect, it } from 'vitest'
import { compilerFor } from '../../../src/station/compile.js'
import { nodeSystem } from '../../../src/system/node.js'

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

  it('says which file does not compile', async () => {
    const compile = await compilerFor(chip, nodeSystem())
    await expect(compile?.('bad.py', Buffer.from('a b\n'))).rejects.toThrow(/bad\.py does not/)
  })

  it('offers nothing to a firmware of another bytecode', async () => {
    expect(await compilerFor(5, nodeSystem())).toBeUndefined()
  })
})
