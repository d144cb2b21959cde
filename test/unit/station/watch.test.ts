import { describe, expect, it } from 'vitest'
import { count, hasSent, watchFirstRecord } from '../../../src/station/watch.js'
import { ScriptedLink } from '../../support/scripted-link.js'
import { testSystem } from '../../support/system.js'

const started = 'wx boot n=1 cause=1 station=0.1.0\r\n'
const joined = 'wx wifi joined ssid=a ip=1.2.3.4 rssi=-50\r\nwx ntp ok server=x\r\n'

/** Watches a station that says this, for a server that never shows a record. */
async function noRecord(console: string): Promise<unknown> {
  const link = new ScriptedLink([{ recv: started + console }])
  const watched = watchFirstRecord(
    { link, timeoutMs: 300, findRecord: async () => undefined },
    testSystem(),
  )
  return watched.then(
    () => undefined,
    (error: unknown) => error,
  )
}

describe('a record in the stream', () => {
  // Another board of the same symbol writes into the stream all the time.
  const record = { symbol: 'roof', timestamp: '2026-11-23T00:00:00Z', type: 'x', fields: {} }
  const watched = (console: string): Promise<unknown> =>
    watchFirstRecord(
      {
        link: new ScriptedLink([{ recv: `${started}${console}` }]),
        timeoutMs: 300,
        findRecord: async () => record,
      },
      testSystem(),
    )

  it('counts when the station says that it has sent', async () => {
    await expect(
      watched(`wx queue n=0\r\n${joined}wx upload ok n=5 refused=0\r\n`),
    ).resolves.toMatchObject({ record })
  })

  it.each([
    ['the station has sent nothing', joined],
    [
      'the station has sent what it kept from before',
      `wx queue n=9\r\n${joined}wx upload ok n=9 refused=0\r\n`,
    ],
  ])('is not the first one while %s', async (_what, console) => {
    await expect(watched(console)).rejects.toMatchObject({ code: 'NO_RECORD' })
  })
})

it.each<[boolean, string[]]>([
  [false, ['queue n=0 pages=4', 'upload failed state=network']],
  [true, ['queue n=0 pages=4', 'upload ok n=1 refused=0']],
  [false, ['queue n=60', 'upload ok n=50 refused=0', 'upload ok n=9 refused=1']],
  [true, ['queue n=60', 'upload ok n=50 refused=0', 'upload ok n=11 refused=0']],
  [false, ['queue n=60', 'upload found n=60']],
  [true, ['queue n=60', 'upload found n=60', 'upload ok n=2 refused=0']],
  // Days of records: some hundred of them show that the way is good.
  [true, ['queue n=300000', ...Array<string>(6).fill('upload ok n=50 refused=0')]],
  // It has started again meanwhile.
  [false, ['queue n=0', 'upload ok n=5 refused=0', 'queue n=7', 'upload ok n=7 refused=0']],
])('says %s whether a record of this start was sent: %j', (expected, lines) => {
  const counts = { queued: 0, sent: 0 }
  for (const line of lines) count(counts, `wx ${line}`)
  expect(hasSent(counts)).toBe(expected)
})

describe('a first record that does not arrive', () => {
  it.each([
    ['no sensor answers', `wx sensors am2320=19 bmp180=19\r\nwx queue n=0\r\n${joined}`],
    [
      'not to where this computer looks',
      `wx sensors am2320=ok bmp180=ok\r\n${joined}wx upload ok n=5\r\n`,
    ],
    [
      'cannot write to TimeBase',
      `wx sensors am2320=ok bmp180=ok\r\n${joined}wx upload failed state=auth\r\n`,
    ],
    [
      'did not get into the Wi-Fi network',
      'wx sensors am2320=ok bmp180=ok\r\nwx wifi failed status=202\r\n',
    ],
    ['no time server answers', 'wx wifi joined ssid=a\r\nwx ntp failed server=x\r\n'],
    ['stopped with ImportError', 'ImportError: no module named x\r\n'],
  ])('says that %s', async (why, console) => {
    expect(await noRecord(console)).toMatchObject({
      code: 'NO_RECORD',
      exitCode: 11,
      message: expect.stringContaining(why),
    })
  })
})
