/** One measured figure, as `npm run bench -- --json FILE` writes it. */
export interface Row {
  area: string
  name: string
  value: number
  unit: string
  /** What was measured beside it in the same run, and how much it took. */
  peer: string | null
  peer_value: number | null
  ratio: number | null
  /** "value <= 25" or "ratio <= 1.25"; null where a figure is for the record only. */
  goal: string | null
  holds: boolean | null
}

export interface Measured {
  value: number
  unit: string
  peer?: { name: string; value: number }
  goal?: `${'value' | 'ratio'} ${'<=' | '>='} ${number}`
}

/** Makes a row of a measurement and judges it by its goal. */
export function row(area: string, name: string, { value, unit, peer, goal }: Measured): Row {
  const ratio = peer ? value / peer.value : null
  return {
    area,
    name,
    value: rounded(value),
    unit,
    peer: peer?.name ?? null,
    peer_value: peer ? rounded(peer.value) : null,
    ratio: ratio === null ? null : rounded(ratio),
    goal: goal ?? null,
    holds: goal ? judge(goal, value, ratio) : null,
  }
}

function judge(goal: string, value: number, ratio: number | null): boolean {
  const [of, sign, limit] = goal.split(' ')
  const figure = of === 'ratio' ? ratio : value
  if (figure === null) throw new Error(`The goal "${goal}" needs a peer.`)
  return sign === '<=' ? figure <= Number(limit) : figure >= Number(limit)
}

/** Three digits that mean something. */
function rounded(value: number): number {
  return Number(value.toPrecision(Math.abs(value) >= 1000 ? 6 : 3))
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2
}
