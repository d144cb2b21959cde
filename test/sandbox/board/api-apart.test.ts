import { describe, expect, it, type TestContext } from 'vitest'
import { powerOn } from './booted.js'
import { general } from './recordings.js'
import { callsOf, type RecordedCall } from './replays.js'
import { startTestBoard, type TestBoard } from './support.js'

/** What the sensor of the recording felt, always. */
const recordedWeather = {
  at: () => ({ temperature: 21.5, humidity: 48, pressure: 1013.2, caseTemperature: 21.5 }),
}

async function rawBoard({ onTestFinished }: TestContext): Promise<TestBoard> {
  const board = await startTestBoard({ weather: recordedWeather })
  onTestFinished(() => board.halt())
  await board.waitFor('>>> ')
  board.send('\x01')
  await board.waitFor('exit\r\n>')
  return board
}

/** The recorded sensor answers any read with its last answer; the data sheet's only what was asked. */
const unlike: Record<string, number[]> = { 'AM2320 sleeps: read attempts': [3, 6] }

function lines({ name }: RecordedCall, out: string): string[] {
  return out.split('\n').map((line, i) => (unlike[name]?.includes(i) ? '(differs)' : line))
}

describe.concurrent('calls that need a board of their own, as recorded', () => {
  it.concurrent.for(callsOf('recorded sensor'))('$name', async (one, context) => {
    const board = await rawBoard(context)
    // Printing takes a chip longer than the sensor needs to wake, 0.8 ms; here it takes no time.
    const code = one.code.replaceAll('print(e.args)', 'print(e.args);time.sleep_ms(1)')
    const { out, err } = await board.exec(code)
    expect(lines(one, out)).toEqual(lines(one, one.out))
    expect(err).toBe('')
  })

  it.concurrent.for(callsOf('never returns'))('$name', async ({ code, out }, context) => {
    const board = await rawBoard(context)
    board.send(`${code}\x04`)
    const last = out.trim().split('\n').at(-1) ?? ''
    // Milliseconds of sleeps that are none come before it.
    expect((await board.waitFor(`${last}\r\n`)).split('\r\n').length).toBe(4)
    expect(await board.take(0)).toBe('')
    board.send('\x03')
    await board.waitFor('KeyboardInterrupt: \r\n\x04>')
  })

  it.concurrent.for(callsOf('crash'))('$name', async ({ code, out }, { onTestFinished }) => {
    const board = powerOn()
    onTestFinished(() => board.halt())
    await board.waitFor('>>> ')
    board.send('\x01')
    await board.waitFor('exit\r\n>')
    board.send(`${code}\x04`)
    const answer = (await board.waitFor('>>> ')).replace(/^OK/, '').replaceAll('\r\n', '\n')
    expect(general(answer).trim()).toBe(general(out.replaceAll('\r', '')).trim())
  })
})
