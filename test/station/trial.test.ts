import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from '../support/system.js'
import { missing, python } from './run.js'

describe.skipIf(missing)(`settings on trial in real MicroPython ${missing ?? ''}`, () => {
  it('are given up in time, however seldom the station measures', async () => {
    const folder = temporaryFolder()
    const usual = {
      version: 1,
      networks: [{ ssid: 'Rooftop', password: 'sandbox-wifi' }],
      ntp_servers: ['a'],
    }
    const files = [usual, { ...usual, sample_interval: 1800, upload_interval: 1800 }].map(
      (settings, i) => {
        const path = join(folder, `${i}.json`)
        writeFileSync(path, JSON.stringify(settings))
        return path
      },
    )
    const { results, code, text } = await python('trial_over.py', { args: files, heap: '1m' })
    expect(code, text.slice(-2000)).toBe(0)
    const ended = results.filter(({ ended }) => ended === 'reset')
    expect(ended.map(({ hour }) => Math.round(Number(hour) * 60))).toEqual([2])
  })
})
