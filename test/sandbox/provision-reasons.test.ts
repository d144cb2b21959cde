import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run } from '../../src/cli/main.js'
import type { BoardFaults } from '../../src/sandbox/faults.js'
import { type Bench, provisionBench } from '../support/bench.js'

interface Case {
  what: string
  faults?: Partial<BoardFaults>
  args?: string[]
  code: string
  exitCode: number
  text: RegExp
}

const cases: Case[] = [
  {
    what: 'a wrong password',
    faults: { wrongPassword: true },
    ...{ code: 'WIFI_WRONG_PASSWORD', exitCode: 8, text: /refuses the password/ },
  },
  {
    what: 'no DHCP server',
    faults: { noAddress: true },
    ...{ code: 'WIFI_NO_ADDRESS', exitCode: 8, text: /no address in 30 s/ },
  },
  {
    what: 'no network',
    faults: { accessPointGone: true },
    ...{ code: 'WIFI_NOT_FOUND', exitCode: 8, text: /does not find/ },
  },
  {
    what: 'a weak signal',
    faults: { signalDbm: -88, wrongPassword: true },
    ...{ code: 'WIFI_WEAK', exitCode: 8, text: /too weak at the board: -88 dBm/ },
  },
  {
    what: 'a dead TimeBase, as the board sees it',
    args: ['--board-url', 'http://192.168.77.1:1'],
    ...{ code: 'NETWORK_UNREACHABLE', exitCode: 9, text: /The board gets no connection/ },
  },
  {
    what: 'a name the network does not know',
    args: ['--board-url', 'http://nowhere.invalid:8099'],
    ...{ code: 'NETWORK_UNREACHABLE', exitCode: 9, text: /cannot find "nowhere.invalid"/ },
  },
  {
    what: 'dead sensors, told from both ends when no record has come',
    faults: { deadSensors: ['am2320', 'bmp180'] },
    args: ['--timeout', '60s'],
    ...{
      code: 'NO_RECORD',
      exitCode: 11,
      text: /no sensor answers[\s\S]*TimeBase, asked from here/,
    },
  },
  {
    what: 'no time, told from both ends when no record has come',
    faults: { noNtp: true },
    args: ['--timeout', '60s'],
    ...{ code: 'NO_RECORD', exitCode: 11, text: /no time server answers it[\s\S]*wifi joined/ },
  },
]

/** A board for each, all at once: what a join waits for is real time. */
describe.concurrent('provision ends with the reason', () => {
  let bench: Bench

  beforeAll(async () => {
    bench = await provisionBench(cases.length)
  }, 120_000)
  afterAll(() => bench?.stop())

  it.each(cases)(
    '$what',
    async ({ what, faults = {}, args = [], code, exitCode, text }) => {
      const board = bench.sandbox.boards[cases.findIndex((one) => one.what === what)]
      Object.assign(board?.faults ?? {}, faults)
      const system = bench.computer({ env: { WXSTATION_PORT: board?.rfc2217Url ?? '' } })
      expect(await run(['provision', '--wifi', '--json', ...args], system)).toBe(exitCode)
      const { error } = JSON.parse(system.out()) as { error: { code: string; message: string } }
      expect(error).toMatchObject({ code, message: expect.stringMatching(text) })
    },
    120_000,
  )
})
