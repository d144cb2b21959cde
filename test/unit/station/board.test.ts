import { crc32 } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import type { Repl } from '../../../src/device/repl.js'
import { readFacts } from '../../../src/station/board.js'

const json = '{"version": 1,\n "password": "geheim é"}\n'

/** A board that answers these texts in turn. */
function board(...answers: string[]): { repl: Repl; asked: () => number } {
  let asked = 0
  const exec = async (): Promise<string> => answers[asked++] ?? ''
  return { repl: { exec } as unknown as Repl, asked: () => asked }
}

const facts = (text: string, sum = crc32(json)): string =>
  `m 240ac4010203\nv 1.23.0\nh Generic ESP32 module with ESP32\ny 11014\ns 92 119\nx ${sum}\nj ${text}\n`

describe("a board's facts", () => {
  it('hold its settings as they are', async () => {
    const { repl } = board(facts(json))
    expect(await readFacts(repl, { scl: 22, sda: 21 })).toMatchObject({
      mac: '24:0a:c4:01:02:03',
      sensors: { am2320: true, bmp180: true },
      stationJson: json,
    })
  })

  it('are asked again where a byte of the settings was lost', async () => {
    const { repl, asked } = board(facts(json.replace('geheim', 'gehem')), facts(json))
    expect((await readFacts(repl, { scl: 22, sda: 21 })).stationJson).toBe(json)
    expect(asked()).toBe(2)
  })

  it('are refused where the settings never arrive whole', async () => {
    const damaged = facts(json.replace('geheim', 'gehem'))
    const { repl } = board(damaged, damaged, damaged, damaged)
    await expect(readFacts(repl, { scl: 22, sda: 21 })).rejects.toMatchObject({
      code: 'BOARD_FAULT',
    })
  })

  it('are asked in full where the board has no questions of its own', async () => {
    const { repl, asked } = board('?\n', facts(json))
    expect((await readFacts(repl, { scl: 22, sda: 21 })).stationJson).toBe(json)
    expect(asked()).toBe(2)
  })

  it('have no settings where the board has none', async () => {
    const { repl } = board('m 240ac4010203\nv 1.23.0\nh x\ny 0\ns\n')
    expect((await readFacts(repl, { scl: 22, sda: 21 })).stationJson).toBeUndefined()
  })
})
