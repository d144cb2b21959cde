import { expect, it } from 'vitest'
import { readMemory } from '../../src/device/known-boards.js'
import { Session } from '../../src/device/session.js'
import type { Event } from '../../src/events.js'
import { flash, imageFile, speakingBoard } from '../support/flashing.js'
import { faultyProxy } from '../support/frame-faults.js'
import { largeImage } from '../support/large-image.js'
import { rateLimited } from '../support/rate-limit.js'
import { type TestSystem, testSystem } from '../support/system.js'

const romBaud = 115_200

/** Opens a board, climbs, counts a clean write where told, and lets it go; answers the rate and what was said. */
async function climb(
  url: string,
  system: TestSystem,
  { baud, writes = false }: { baud?: number; writes?: boolean } = {},
) {
  const notices: unknown[] = []
  const report = (event: Event): void => void (event.type === 'notice' && notices.push(event))
  const session = await Session.open({ port: url, waitForButtons: false, report, baud }, system)
  await session.raiseBaud()
  const reached = session.loader.baud
  if (writes) await session.countRun()
  await session.close()
  return { reached, notices }
}

const slower = (rate: number, used: number) =>
  expect.objectContaining({ notice: 'slower-baud', values: { rate, used } })

it('tries rates upwards the first time, and goes straight to the best one the next', async () => {
  const board = await speakingBoard()
  const cable = await rateLimited(board.rfc2217Url, 10_000_000)
  const system = testSystem()
  expect(await climb(cable.url, system)).toEqual({ reached: 921_600, notices: [] })
  expect(cable.rates).toEqual([romBaud, 460_800, 921_600, romBaud])
  cable.rates.length = 0
  expect(await climb(cable.url, system)).toEqual({ reached: 921_600, notices: [] })
  // The ROM takes the stub at the rate that the board has kept.
  expect(cable.rates).toEqual([romBaud, 921_600, romBaud])
  const { boards } = await readMemory(system)
  expect(boards).toMatchObject([{ mac: '24:0a:c4:01:02:03', baud: 921_600 }])
})

it('leaves a ROM alone that has missed a rate once', async () => {
  const board = await speakingBoard()
  const cable = await rateLimited(board.rfc2217Url, 10_000_000, { rom: romBaud })
  const system = testSystem()
  const runs: number[][] = []
  for (let n = 0; n < 3; n++) {
    cable.rates.length = 0
    expect(await climb(cable.url, system)).toEqual({ reached: 921_600, notices: [] })
    runs.push([...cable.rates])
  }
  expect(runs).toEqual([
    [romBaud, 460_800, 921_600, romBaud],
    [romBaud, 921_600, romBaud, 921_600, romBaud],
    [romBaud, 921_600, romBaud],
  ])
  expect((await readMemory(system)).boards).toMatchObject([{ baud: 921_600, hasSlowRom: true }])
}, 20_000)

it('loads the stub at the usual rate where the ROM answers at a higher one but loses bytes', async () => {
  const board = await speakingBoard()
  const cable = await rateLimited(board.rfc2217Url, 10_000_000, { romBuffer: 1000 })
  const system = testSystem()
  expect(await climb(cable.url, system, { baud: 921_600 })).toMatchObject({ reached: 921_600 })
  expect(cable.rates).toEqual([romBaud, 921_600, romBaud, 921_600, romBaud])
  expect((await readMemory(system)).boards).toMatchObject([{ hasSlowRom: true }])
}, 30_000)

it.each([
  [460_800, 300_000],
  [921_600, 500_000],
])(
  'does not blame the ROM for a cable: %i over one that carries %i',
  async (baud, most) => {
    const board = await speakingBoard()
    const cable = await rateLimited(board.rfc2217Url, most)
    const system = testSystem()
    await climb(cable.url, system, { baud })
    const [known] = (await readMemory(system)).boards
    expect(known?.mac).toBe('24:0a:c4:01:02:03')
    expect(known?.hasSlowRom).toBeUndefined()
  },
  20_000,
)

it('goes back to the last rate that worked, says so, and remembers it for this board', async () => {
  const board = await speakingBoard()
  const cable = await rateLimited(board.rfc2217Url, 500_000)
  const system = testSystem()
  expect(await climb(cable.url, system)).toEqual({
    reached: 460_800,
    notices: [slower(921_600, 460_800)],
  })
  cable.rates.length = 0
  expect(await climb(cable.url, system)).toEqual({ reached: 460_800, notices: [] })
  expect(cable.rates).toEqual([romBaud, 460_800, romBaud])
}, 20_000)

it('tries the next rate up again after three clean writes', async () => {
  const board = await speakingBoard()
  const cable = await rateLimited(board.rfc2217Url, 10_000_000)
  const system = testSystem()
  const known = { mac: '24:0a:c4:01:02:03', baud: 460_800, cleanRuns: 0 }
  await system.files.makeFolder(system.folders.data)
  const memory = `${system.folders.data}/boards.json`
  await system.files.write(memory, JSON.stringify({ boards: [known], aliases: {} }))
  const reached: number[] = []
  for (let n = 0; n < 4; n++)
    reached.push((await climb(cable.url, system, { writes: true })).reached)
  expect(reached).toEqual([460_800, 460_800, 460_800, 921_600])
})

it('takes the rate that was asked for, and a lower one where that fails', async () => {
  const board = await speakingBoard()
  const cable = await rateLimited(board.rfc2217Url, 300_000)
  const { reached, notices } = await climb(cable.url, testSystem(), { baud: 460_800 })
  expect(reached).toBe(230_400)
  expect(notices).toEqual([slower(460_800, 230_400)])
}, 20_000)

it('goes one step down after an error in a write, and keeps to that rate', async () => {
  const board = await speakingBoard()
  const path = imageFile(largeImage(60_000))
  const system = testSystem()
  const sound = await faultyProxy(board.rfc2217Url)
  await flash(sound.url, path, testSystem())
  const frame = sound.toBoard.lastIndexOf(0x11)
  board.flash.eraseChip()
  const notices: unknown[] = []
  const spoilt = await faultyProxy(board.rfc2217Url, {
    ...{ direction: 'to-board' as const, frame, byte: 400, damage: 'lose' as const },
  })
  const result = await flash(spoilt.url, path, system, {
    report: (event) => void (event.type === 'notice' && notices.push(event)),
  })
  expect(result).toMatchObject({ state: 'flashed', baud: 460_800 })
  expect(notices).toEqual([slower(921_600, 460_800)])
  const { boards } = await readMemory(system)
  expect(boards).toMatchObject([{ baud: 460_800, cleanRuns: 0 }])
}, 20_000)

it('does not blame the rate for a board that lost its power, unless it falls silent again', async () => {
  const board = await speakingBoard()
  const system = testSystem()
  const notices: unknown[] = []
  const report = (event: Event): void => void (event.type === 'notice' && notices.push(event))
  const options = { port: board.rfc2217Url, waitForButtons: false, report }
  const session = await Session.open(options, system)
  const known = async () => (await readMemory(system)).boards[0]?.baud
  try {
    await session.raiseBaud()
    await board.powerCycle()
    await session.stepDown()
    expect([session.loader.baud, await known(), notices]).toEqual([921_600, 921_600, []])
    await board.powerCycle()
    await session.stepDown()
    expect([session.loader.baud, await known()]).toEqual([460_800, 460_800])
    expect(notices).toEqual([slower(921_600, 460_800)])
  } finally {
    await session.close()
  }
}, 20_000)
