import { describe, expect, it } from 'vitest'
import { promisedMac, resolvePort } from '../../../src/cli/board.js'
import type { Context } from '../../../src/cli/context.js'
import { rememberBoard, setAlias } from '../../../src/device/known-boards.js'
import { testSystem } from '../../support/system.js'

const mac = '24:0a:c4:01:02:03'

/** Two boards whose bridges came from the factory with one serial number, and a third. */
async function context(): Promise<Context> {
  const port = (path: string, serialNumber: string) => ({
    ...{ path, serialNumber, vendorId: 0x10c4, productId: 0xea60 },
  })
  const ports = [
    port('/dev/ttyUSB0', '0001'),
    port('/dev/ttyUSB1', '0001'),
    port('/dev/ttyUSB2', 'ab'),
  ]
  const system = testSystem({ serial: { list: async () => ports } })
  await rememberBoard(system, { mac, usbSerial: '0001', port: '/dev/ttyUSB1' })
  await setAlias(system, 'roof', mac)
  return { system } as unknown as Context
}

describe('id:', () => {
  it.each([
    ['a serial number of its own', 'ab', '/dev/ttyUSB2'],
    ['a MAC, where it was seen last', mac, '/dev/ttyUSB1'],
    ['an alias of a MAC', 'roof', '/dev/ttyUSB1'],
  ])('finds %s', async (_, id, path) => {
    expect(await resolvePort(await context(), `id:${id}`)).toBe(path)
  })

  it('finds a board by the lasting name of its port, whatever number that got', async () => {
    const byPath = '/dev/serial/by-path/pci-0:2'
    const one = { path: '/dev/ttyUSB0', serialNumber: '0001', links: [byPath] }
    const other = { path: '/dev/ttyUSB1', serialNumber: '0001' }
    let ports = [one, other]
    const system = testSystem({ serial: { list: async () => ports } })
    await rememberBoard(system, { mac, usbSerial: '0001', port: '/dev/ttyUSB0' })
    ports = [
      { ...other, path: '/dev/ttyUSB0' },
      { ...one, path: '/dev/ttyUSB1' },
    ]
    const here = { system } as unknown as Context
    expect(await resolvePort(here, `id:${mac}`)).toBe('/dev/ttyUSB1')
  })

  it.each([
    ['0001', 'MANY_BOARDS'],
    ['constructor', 'PORT_ABSENT'],
    ['nothing', 'PORT_ABSENT'],
  ])('%s is %s', async (id, code) => {
    await expect(resolvePort(await context(), `id:${id}`)).rejects.toMatchObject({ code })
  })
})

describe('the board a name promises', () => {
  it.each([
    ['id:roof', mac],
    [`id:${mac.toUpperCase()}`, mac],
    ['id:24:0A:C4:99:99:99', '24:0a:c4:99:99:99'],
    ['id:ab', undefined],
    ['/dev/ttyUSB0', undefined],
    [undefined, undefined],
  ])('%s is %s', async (name, expected) => {
    expect(await promisedMac(await context(), name)).toBe(expected)
  })
})
