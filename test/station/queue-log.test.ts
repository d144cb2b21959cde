import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type QueueRecord, readQueueLog } from '../../src/station/queue-log.js'
import { temporaryFolder } from '../support/system.js'
import { missing, python } from './run.js'

interface Dump {
  name: string
  /** number, temperature, humidity, case temperature, pressure, as the sensors gave them */
  wrote: [number, ...(number | null)[]][]
  /** number, ms since 2020, then the same with the queue's own words for "not measured" */
  read: number[][]
  acked: number
  damaged: number
}

const epoch = Date.UTC(2020, 0, 1)
const raw = (value: number | null, unit: number): number | null =>
  value === null ? null : Math.round(value * unit)
const valuesOf = ({ temperature, humidity, caseTemperature, pressure }: QueueRecord) => [
  raw(temperature, 10),
  raw(humidity, 10),
  raw(caseTemperature, 10),
  raw(pressure, 100),
]
const withoutNone = ([t, h, c, p]: number[]): (number | null | undefined)[] => [
  t === -2048 ? null : t,
  h === 2047 ? null : h,
  c === -2048 ? null : c,
  p === 0 ? null : p,
]

async function dumps(): Promise<{ dump: Dump; bytes: Uint8Array }[]> {
  const folder = temporaryFolder()
  const { results, code, text } = await python('queue_dump.py', { args: [folder], heap: '32m' })
  if (code !== 0) throw new Error(text)
  return (results as unknown as Dump[]).map((dump) => ({
    dump,
    bytes: readFileSync(join(folder, `${dump.name}.bin`)),
  }))
}

describe.skipIf(missing)(`a saved queue, written in real MicroPython ${missing ?? ''}`, () => {
  it('reads as the station reads it, sound, torn and damaged', async () => {
    const all = await dumps()
    expect(all.map(({ dump }) => dump.name)).toEqual(
      expect.arrayContaining(['sound', 'early', 'torn', 'flipped', 'hurt7']),
    )
    for (const { dump, bytes } of all) {
      const log = readQueueLog(bytes, { isPartition: true })
      const got = log.records.map((one) => [one.number, one.atMs - epoch, ...valuesOf(one)])
      const want = dump.read.map(([n, ms, ...rest]) => [n, ms, ...withoutNone(rest)])
      expect(got, dump.name).toEqual(want)
      expect(log.acknowledged, dump.name).toBe(dump.acked)
      expect(log.untimed, dump.name).toBe(0)
      // Whatever the damage: nothing that was not measured.
      const wrote = new Map(dump.wrote.map(([n, ...values]) => [n, values]))
      for (const one of log.records) expect(valuesOf(one), dump.name).toEqual(wrote.get(one.number))
    }
    const by = new Map(all.map((one) => [one.dump.name, one]))
    for (const name of ['sound', 'early', 'torn']) {
      const { dump, bytes } = by.get(name) ?? expect.fail(name)
      const { records, damaged, acknowledged, damagedPlaces } = readQueueLog(bytes, {
        isPartition: true,
      })
      expect(records.map(({ number }) => number)).toEqual(
        dump.wrote.map(([n]) => n).filter((n) => n >= acknowledged),
      )
      expect({ damaged, damagedPlaces }).toEqual({
        damaged: 0,
        damagedPlaces: name === 'torn' ? 1 : 0,
      })
      const every = readQueueLog(bytes, { isPartition: true, all: true })
      expect(every.records.slice(-records.length)).toEqual(records)
      expect(every.records.length).toBe(dump.wrote.length - Number(every.records[0]?.number))
    }
    const { dump, bytes } = by.get('flipped') ?? expect.fail()
    const flipped = readQueueLog(bytes, { isPartition: true })
    expect(flipped.damaged).toBe(dump.damaged)
    expect(flipped.damaged).toBeGreaterThan(0)
    expect(flipped.records.length + flipped.damaged).toBe(dump.wrote.length - dump.acked)
    expect(flipped.damagedPlaces).toBe(1)
  }, 120_000)
})
