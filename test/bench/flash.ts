import { connectLoader } from '../../src/device/connect.js'
import { openLink } from '../../src/device/links/open.js'
import { Loader } from '../../src/device/loader.js'
import { pack } from '../../src/device/pack.js'
import { startBoard } from '../../src/sandbox/board/board.js'
import type { Area, Bench } from './context.js'
import { type Row, row } from './row.js'

const bauds = [460_800, 921_600]
const imageBytes = 1_732_608

/** As compressible as a firmware is: about two thirds of its size remain. */
function sampleImage(): Uint8Array {
  const bytes = new Uint8Array(imageBytes)
  let state = 1
  for (let i = 0; i < bytes.length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[i] = i % 3 === 0 ? i >> 8 : state >>> 24
  }
  return bytes
}

/** The data phase of a full write on a paced virtual board, over RFC 2217, against the wire's limit. */
export const rows: Area = async ({ system, say }) => {
  const packed = await pack(sampleImage())
  const found: Row[] = []
  for (const baud of bauds) {
    say(`${packed.deflated.length} bytes at ${baud} baud`)
    found.push(...(await measure(baud, packed, system)))
  }
  return found
}

async function measure(
  baud: number,
  packed: Awaited<ReturnType<typeof pack>>,
  system: Bench['system'],
): Promise<Row[]> {
  const { clock } = system
  const board = await startBoard({ wiring: { pacing: true } }, system)
  const link = await openLink(board.rfc2217Url, { baud: 115_200 }, system)
  try {
    const startMs = clock.monotonic()
    const connected = await connectLoader(link, clock, { waitForButtons: false, report: () => {} })
    const loader = await Loader.start(connected, clock)
    const connectMs = clock.monotonic() - startMs
    await loader.changeBaud(baud)
    const writeMs = clock.monotonic()
    await loader.write(0x10000, packed, () => {})
    const took = clock.monotonic() - writeMs
    const wireMs = (packed.deflated.length * 10_000) / baud
    return [
      row('flash', `connect to chip facts (${baud})`, {
        value: connectMs,
        unit: 'ms',
        goal: 'value <= 2000',
      }),
      row('flash', `data phase of the wire (${baud})`, {
        value: wireMs / took,
        unit: 'of the wire',
        goal: 'value >= 0.97',
      }),
    ]
  } finally {
    await link.close()
    await board.stop()
  }
}
