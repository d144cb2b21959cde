import type { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { rememberStation } from '../../src/station/inventory.js'
import { cli, type TestSystem, testSystem } from '../support/system.js'

/** A computer with these addresses, and WebREPL where `answers` says so; nothing is plugged in. */
function computer(address: string, answers: string[]): TestSystem & { dialed: string[] } {
  const dialed: string[] = []
  const system = testSystem({
    env: { NO_COLOR: '1', WXSTATION_WEBREPL_PASSWORD: 'mark-old' },
    serial: { list: async () => [] },
  })
  const refused = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
  return {
    ...system,
    dialed,
    host: {
      ...system.host,
      platform: 'win32',
      addresses: () => [{ name: 'wlan0', address, netmask: '255.255.255.0' }],
    },
    net: {
      ...system.net,
      connect: async (host, port) => {
        dialed.push(`${host}:${port}`)
        if (answers.includes(host)) return { destroy: () => {} } as unknown as Socket
        throw refused
      },
    },
  }
}

const errorOf = (out: string): { hint?: string } =>
  (JSON.parse(out) as { error: { hint?: string } }).error

describe('a station that has opened its own network', () => {
  it('is found by whoever is in it', async () => {
    const system = computer('192.168.4.2', ['192.168.4.1'])
    const { out } = await cli(['ports'], system)
    expect(out).toContain('wxstation wifi set --host 192.168.4.1')
    expect(system.dialed).toEqual(['192.168.4.1:8266'])
    const data = await cli(['ports', '--json'], computer('192.168.4.2', ['192.168.4.1']))
    expect(JSON.parse(data.out)).toEqual({ ports: [], station: { host: '192.168.4.1' } })
    const update = await cli(['update', '--json'], computer('192.168.4.2', ['192.168.4.1']))
    expect(errorOf(update.out)).toMatchObject({
      code: 'NO_BOARD',
      hint: expect.stringContaining('--host 192.168.4.1'),
    })
  })

  it.each([
    ['elsewhere', '192.168.1.2', []],
    ['where another thing has these addresses', '192.168.4.2', ['192.168.4.1:8266']],
    ['at the computer that gives them out', '192.168.4.1', []],
  ])('is not looked for %s', async (_, address, dialed) => {
    const system = computer(address, [])
    const { out } = await cli(['ports', '--json'], system)
    expect(JSON.parse(out)).toEqual({ ports: [] })
    expect(system.dialed).toEqual(dialed)
  })

  it('is named to whoever does not reach it, with what to type there', async () => {
    const system = computer('192.168.1.2', [])
    await rememberStation(system, { mac: '24:0a:c4:01:02:03', symbol: 'roof', stream: 'w' })
    const { out } = await cli(['wifi', 'list', '--host', '192.168.1.40', '--json'], system)
    expect(errorOf(out)).toMatchObject({ code: 'PORT_ABSENT' })
    expect(errorOf(out).hint).toMatch(/network of its own \(roof\).*--host 192\.168\.4\.1/)
  })
})
