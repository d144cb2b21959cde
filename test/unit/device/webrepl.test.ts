import { describe, expect, it } from 'vitest'
import { Dialog } from '../../../src/device/dialog.js'
import { openWebRepl } from '../../../src/device/webrepl.js'
import { Secret } from '../../../src/secret.js'
import { nodeSystem } from '../../../src/system/node.js'
import type { System } from '../../../src/system.js'
import { fakeWebRepl } from '../../support/webrepl.js'

const system = nodeSystem()

describe('WebREPL', () => {
  it('signs in and carries text both ways, in frames that fit the board', async () => {
    const board = await fakeWebRepl(() => 'roof-123')
    board.onText = (text) => (text.endsWith('!') ? 'heard\x04' : '')
    const { link } = await openWebRepl(
      { host: board.host, password: new Secret('roof-123') },
      system,
    )
    const dialog = new Dialog(link, system)
    const long = `${'é'.repeat(400)}!`
    await dialog.send(long)
    expect(await dialog.until('heard\x04', { silenceMs: 5000 })).toContain('>>> ')
    expect(Buffer.from(board.frames.join(''), 'latin1').toString()).toBe(long)
    expect(Math.max(...board.frames.map((frame) => frame.length))).toBeLessThanOrEqual(255)
    await link.close()
  })

  it.each([0, 1, 255, 256, 257, 3000])('reads a file of %i bytes', async (size) => {
    const board = await fakeWebRepl(() => 'roof')
    const text = 'x'.repeat(size)
    board.files.set('/station.json', text)
    const { link, readFile } = await openWebRepl(
      { host: board.host, password: new Secret('roof') },
      system,
    )
    expect(Buffer.from(await readFile('/station.json')).toString()).toBe(text)
    expect(Buffer.from(await readFile('/station.json')).toString()).toBe(text)
    await link.close()
  })

  it('names a refused password', async () => {
    const board = await fakeWebRepl(() => 'right')
    const opening = openWebRepl({ host: board.host, password: new Secret('wrong') }, system)
    await expect(opening).rejects.toMatchObject({ code: 'LOGIN_REFUSED' })
  })

  it('names a board that has a client already', async () => {
    const board = await fakeWebRepl(() => 'right')
    board.isBusy = true
    const { system: hasty } = skippingSleep()
    const opening = openWebRepl({ host: board.host, password: new Secret('right') }, hasty)
    await expect(opening).rejects.toMatchObject({ code: 'PORT_BUSY' })
  })

  it('knocks again at a board that has not seen its last client leave', async () => {
    const board = await fakeWebRepl(() => 'right')
    board.isBusy = true
    const { system: hasty, slept } = skippingSleep(() => {
      board.isBusy = false
    })
    const options = { host: board.host, password: new Secret('right') }
    const { link } = await openWebRepl(options, hasty)
    expect(slept()).toBe(1)
    await link.close()
  })

  it('names a board that is not there', async () => {
    const opening = openWebRepl({ host: '127.0.0.1:1', password: new Secret('right') }, system)
    await expect(opening).rejects.toMatchObject({ code: 'PORT_ABSENT' })
  })

  it('says so when the connection breaks', async () => {
    const board = await fakeWebRepl(() => 'right')
    const { link } = await openWebRepl({ host: board.host, password: new Secret('right') }, system)
    await link.read(1000)
    board.hangUp()
    await expect(link.read(5000)).rejects.toMatchObject({ code: 'PORT_LOST' })
  })
})

/** A system that sleeps no time, but believes it has. */
function skippingSleep(onSleep = (): void => {}): { system: System; slept(): number } {
  const { clock } = system
  let skippedMs = 0
  let count = 0
  const skipping = {
    ...clock,
    monotonic: () => clock.monotonic() + skippedMs,
    sleep: async (ms: number) => {
      count++
      skippedMs += ms
      onSleep()
    },
  }
  return { system: { ...system, clock: skipping }, slept: () => count }
}
