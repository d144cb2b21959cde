import { describe, expect, it } from 'vitest'
import { missing, python } from './run.js'

describe.skipIf(missing)(`the station's Wi-Fi in real MicroPython ${missing ?? ''}`, () => {
  it('joins, opens its own network, leaves guests alone, and joins again', async () => {
    const { results, code, text } = await python('wifi_air.py')
    expect(code, text).toBe(0)
    const joined = { joined: true, open: false, reason: '', moves: 0 }
    expect(results).toEqual([
      { name: 'joins', did: ['active', 'connect home'], ...joined },
      {
        name: 'opens after a minute without',
        did: ['ap on'],
        joined: false,
        open: true,
        reason: 'not-found',
        moves: 0,
      },
      // Ten minutes, and not one scan or join that would move the channel under them.
      {
        name: 'leaves a guest alone',
        did: [],
        joined: false,
        open: true,
        reason: expect.any(String),
        moves: 0,
      },
      { name: 'joins when the guest is gone', did: ['connect home', 'ap off'], ...joined },
      { name: "keeps a guest's network while joined", did: ['ap on'], ...joined, open: true },
      { name: 'waits for a slow address after a failure', did: ['connect slow'], ...joined },
      {
        name: 'scans at a good moment and joins the strongest',
        did: ['active', ...Array(5).fill('wait 1600'), 'scan', 'connect near'],
        ...joined,
      },
      {
        name: 'outlives a refused access point',
        did: ['ap on', 'ap on'],
        joined: false,
        open: false,
        reason: expect.any(String),
        moves: 0,
      },
    ])
  })
})
