import { describe, expect, it } from 'vitest'
import { watchFirstRecord } from '../../../src/station/watch.js'
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
