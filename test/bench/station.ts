import { join } from 'node:path'
import { python } from '../station/run.js'
import { gatewayProcess } from '../support/gateway-process.js'
import type { Area, Bench } from './context.js'
import { row } from './row.js'

/** The station's queue and uploads in real MicroPython (Unix port; a chip is slower, its flash is not). */
export const rows: Area = async (bench) => {
  const { say } = bench
  say('20,000 records of a day and 10,000 of impossible weather')
  const { results } = await python('queue_size.py')
  const figure = (name: string, key: string): number =>
    Number(results.find((one) => one.name === name)?.[key])
  say('signatures of 50 records')
  const signed = await python('signing_time.py')
  const signing = (name: string): number =>
    Number(signed.results.find((one) => one.name === name)?.us) / 1000
  say('catching up with 6,000 records while readings go on')
  const { sent, ms, p99_ms, free } = await catchUp(bench)
  return [
    row('station', 'bytes a record, a day', {
      value: figure('day', 'bytes'),
      unit: 'B',
      goal: 'value <= 6',
    }),
    row('station', 'bytes a record, worst case', {
      value: figure('worst', 'bytes'),
      unit: 'B',
      goal: 'value <= 12',
    }),
    row('station', 'erases per 1,000 records', {
      value: 1000 / figure('day', 'records_per_erase'),
      unit: 'erases',
      goal: 'value <= 1.667',
    }),
    row('station', 'sign 50 records', {
      value: signing('native'),
      unit: 'ms',
      peer: { name: 'plain Python', value: signing('plain') },
      // Without machine code a chip would need seconds; test/hardware holds it to its 150 ms.
      goal: 'ratio <= 0.1',
    }),
    row('station', 'appends', { value: figure('day', 'appends_per_s'), unit: '/s' }),
    row('station', 'catch up after an outage', {
      value: (Number(sent) * 1000) / Number(ms),
      unit: 'records/s',
      goal: 'value >= 20',
    }),
    row('station', 'lateness of readings meanwhile, p99', {
      value: Number(p99_ms),
      unit: 'ms',
      goal: 'value <= 20',
    }),
    row('station', 'free heap after it, of 222 KB', { value: Number(free) / 1024, unit: 'KB' }),
  ]
}

/** The uploader in a heap of this port's words for the chip's 111 KB, before a real gateway. */
async function catchUp({ folder, wxstation }: Bench): Promise<Record<string, unknown>> {
  const password = 'bench'
  const gateway = await gatewayProcess({ folder: join(folder, 'catch-up'), password })
  try {
    const made = await wxstation(['stream', 'create'], {
      WXSTATION_TIMEBASE_URL: gateway.url,
      WXSTATION_TIMEBASE_USER: gateway.user,
      WXSTATION_TIMEBASE_PASSWORD: password,
    })
    if (made.code !== 0) throw new Error(made.stderr)
    const args = [join(folder, 'queue.bin'), gateway.url, password, '6000']
    const { results, text } = await python('upload_rate.py', { args, heap: '222k' })
    const [figures] = results
    if (figures?.queued !== 0 || figures.errors !== 0) throw new Error(text)
    return figures
  } finally {
    await gateway.stop()
  }
}
