import { expect } from 'vitest'
import { type Ran, wxstation } from './program.js'

/** This bench cannot show the case: no failure of the product, and none of its successes. */
export class NotShown extends Error {}

/** What the product's whole job needs: the same for a sandbox, an emulated and a real board. */
export interface Bench {
  /** WXSTATION_ variables that name the board, the server and the network. */
  env: Record<string, string>
  /** What to flash: `micropython` or an image file. */
  firmware: string
  /** Streams of the run's own; the usual status stream where none is named. */
  stream: string
  statusStream?: string
  /** For every command, such as a ceiling that a slow board needs. */
  options?: string[]
  /** Set by a flash that succeeded. */
  hasFlashed?: boolean
}

/** One line a failure can be understood by: what was run, how it ended, what it printed. */
function expectSuccess(argv: string[], ran: Ran): void {
  expect(ran.code, `wxstation ${argv.join(' ')}\n${ran.out}\n${ran.err}`).toBe(0)
}

async function runOn(bench: Bench, argv: string[]): Promise<Ran> {
  return await wxstation([...argv, ...(bench.options ?? [])], {
    ...bench.env,
    WXSTATION_STREAM: bench.stream,
    ...(bench.statusStream && { WXSTATION_STATUS_STREAM: bench.statusStream }),
  })
}

async function succeed(bench: Bench, argv: string[]): Promise<Ran> {
  const ran = await runOn(bench, argv)
  expectSuccess(argv, ran)
  return ran
}

/**
 * Flashes. A port without control lines (a socket, a pseudo-terminal) reaches the loader only where
 * somebody has brought the board into it: NotShown where it was heard to run something else.
 */
export async function flash(bench: Bench): Promise<{ state: string; answered: boolean }> {
  const argv = ['flash', bench.firmware, '--json']
  const ran = await runOn(bench, argv)
  if (ran.code === 6) {
    const { error } = JSON.parse(ran.out) as { error: { message: string; details?: Heard } }
    const heard = error.details?.heard ?? ''
    if (
      /cannot reset it/.test(error.message) &&
      heard !== '' &&
      !/waiting for download/.test(heard)
    )
      throw new NotShown('the board runs, and this port has no lines to bring it into its loader')
  }
  expectSuccess(argv, ran)
  bench.hasFlashed = true
  return JSON.parse(ran.out) as { state: string; answered: boolean }
}

interface Heard {
  heard?: string
}

/** Provisions. A blank board behind a socket that nothing here has flashed: NotShown. */
export async function provision(bench: Bench): Promise<Ran> {
  const argv = ['provision', '--wifi']
  const ran = await runOn(bench, argv)
  const isSocket = bench.env.WXSTATION_PORT?.startsWith('socket://')
  if (ran.code === 6 && isSocket && !bench.hasFlashed && /has no firmware/.test(ran.err))
    throw new NotShown('the board is blank, and a socket has no lines to bring it into its loader')
  expectSuccess(argv, ran)
  return ran
}

const station = ['PORT', 'SSID', 'TIMEBASE', 'USER', 'PASSWORD']

/** The end-to-end cases, in order: each stands on what the one before left on the bench. */
export const mainJob: {
  name: string
  /** What of WXSTATION_TEST_… it cannot do without. */
  needs: string[]
  run: (bench: Bench) => Promise<void>
}[] = [
  {
    name: 'flash writes the firmware and hears it answer',
    needs: ['PORT', 'FIRMWARE'],
    async run(bench) {
      expect(await flash(bench)).toMatchObject({ state: 'flashed', answered: true })
    },
  },
  {
    name: 'flash again finds the same firmware and writes nothing',
    needs: ['PORT', 'FIRMWARE'],
    async run(bench) {
      expect(await flash(bench)).toMatchObject({ state: 'already-flashed', sectorsWritten: 0 })
    },
  },
  {
    name: 'provision ends with the first record in TimeBase',
    needs: station,
    async run(bench) {
      const { out, err } = await provision(bench)
      expect(out + err).toMatch(/first record/i)
    },
  },
  {
    name: 'stream create finds the streams as they should be',
    needs: station,
    async run(bench) {
      const { out, err } = await succeed(bench, ['stream', 'create'])
      expect((out + err).match(/exists, identical/g)).toHaveLength(2)
    },
  },
  {
    name: 'provision again changes nothing',
    needs: station,
    async run(bench) {
      const { out, err } = await provision(bench)
      expect(out + err).toMatch(/nothing|unchanged|up to date/i)
    },
  },
  {
    name: 'tail sees ten records, each once and in order',
    needs: station,
    async run(bench) {
      const { out } = await succeed(bench, ['tail', '--since', '1h', '--count', '10'])
      const records = out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { symbol: string; timestamp: string })
      expect(records).toHaveLength(10)
      const times = records.map(({ timestamp }) => Date.parse(timestamp))
      expect(times.every((ms, i) => i === 0 || ms > (times[i - 1] ?? 0))).toBe(true)
      expect(new Set(records.map(({ symbol }) => symbol)).size).toBe(1)
    },
  },
]
