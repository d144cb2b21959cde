import { expect } from 'vitest'
import { type Ran, wxstation } from './program.js'

/** What the product's whole job needs: the same for a sandbox, an emulated and a real board. */
export interface Bench {
  /** WXSTATION_ variables that name the board, the server and the network. */
  env: Record<string, string>
  /** What to flash: `micropython` or an image file. */
  firmware: string
  /** Streams of the run's own; the usual status stream where none is named. */
  stream: string
  statusStream?: string
  /** Ceiling of each command, where the usual ones are too short for a slow board. */
  timeoutS?: number
}

/** One line a failure can be understood by: what was run, how it ended, what it printed. */
function expectSuccess(argv: string[], ran: Ran): void {
  expect(ran.code, `wxstation ${argv.join(' ')}\n${ran.out}\n${ran.err}`).toBe(0)
}

async function succeed(bench: Bench, argv: string[]): Promise<Ran> {
  const patient = bench.timeoutS ? [...argv, '--timeout', `${bench.timeoutS}s`] : argv
  const ran = await wxstation(patient, {
    ...bench.env,
    WXSTATION_STREAM: bench.stream,
    ...(bench.statusStream && { WXSTATION_STATUS_STREAM: bench.statusStream }),
  })
  expectSuccess(argv, ran)
  return ran
}

/** The end-to-end cases, in order: each stands on what the one before left on the bench. */
export const mainJob: {
  name: string
  /** Why this bench cannot show the case, or undefined. */
  skip?: (bench: Bench) => string | undefined
  run: (bench: Bench) => Promise<void>
}[] = [
  {
    name: 'flash writes the firmware and hears it answer',
    async run(bench) {
      const { out } = await succeed(bench, ['flash', bench.firmware, '--json'])
      expect(JSON.parse(out)).toMatchObject({ state: 'flashed', answered: true })
    },
  },
  {
    name: 'flash again finds the same firmware and writes nothing',
    skip: ({ env }) =>
      env.WXSTATION_PORT?.startsWith('socket://')
        ? 'a socket has no control lines to bring a running board into its loader again'
        : undefined,
    async run(bench) {
      const { err } = await succeed(bench, ['flash', bench.firmware])
      expect(err).toMatch(/already flashed/i)
    },
  },
  {
    name: 'provision ends with the first record in TimeBase',
    async run(bench) {
      const { out, err } = await succeed(bench, ['provision', '--wifi'])
      expect(out + err).toMatch(/first record/i)
    },
  },
  {
    name: 'stream create finds the streams as they should be',
    async run(bench) {
      const { out, err } = await succeed(bench, ['stream', 'create'])
      expect((out + err).match(/exists, identical/g)).toHaveLength(2)
    },
  },
  {
    name: 'provision again changes nothing',
    async run(bench) {
      const { out, err } = await succeed(bench, ['provision', '--wifi'])
      expect(out + err).toMatch(/nothing|unchanged|up to date/i)
    },
  },
  {
    name: 'tail sees ten records, each once and in order',
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
