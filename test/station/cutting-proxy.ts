import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

export type Phase = 'login' | 'select' | 'write'
export type Part = 'request' | 'answer'

export interface Break {
  /** Bytes that still arrive. */
  after: number
  how: 'end' | 'reset'
}

/** Asked about each request and answer when it is whole; undefined lets it pass. */
export type Judge = (
  phase: Phase,
  part: Part,
  size: number,
) => Break | undefined | Promise<Break | undefined>

/**
 * Stands between the station and a gateway and breaks connections at exact bytes. A request that
 * passed whole has its answer before anything breaks, so what is stored never depends on luck.
 */
export async function cuttingProxy(target: () => number, judge: Judge): Promise<string> {
  const server = createServer((near) => {
    let far: Socket | undefined
    let request = Buffer.alloc(0)
    near.on('error', () => {})
    near.on('close', () => far?.destroy())
    near.on('data', (data: Buffer) => {
      request = Buffer.concat([request, data])
      const size = wholeSize(request)
      if (size === undefined) return
      const whole = request.subarray(0, size)
      request = request.subarray(size)
      void pass(whole)
    })
    const pass = async (whole: Buffer): Promise<void> => {
      const phase = phaseOf(whole)
      const cut = await judge(phase, 'request', whole.length)
      far ??= connect(target(), '127.0.0.1').on('error', () => {})
      if (cut) {
        const there = far
        if (cut.after > 0) there.write(whole.subarray(0, cut.after), () => broken(there, cut.how))
        else broken(there, cut.how)
        return broken(near, cut.how)
      }
      const answer = await exchange(far, whole)
      if (!answer) return void near.destroy()
      const late = await judge(phase, 'answer', answer.length)
      if (!late) return void near.write(answer)
      near.write(answer.subarray(0, late.after), () => broken(near, late.how))
    }
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function broken(socket: Socket, how: Break['how']): void {
  if (how === 'reset') socket.resetAndDestroy()
  else socket.end()
}

function phaseOf(request: Buffer): Phase {
  const [line = ''] = request.toString('latin1').split('\r\n', 1)
  return line.includes('/oauth/') ? 'login' : line.includes('/select') ? 'select' : 'write'
}

/** The whole answer, or undefined where the other side hung up. */
function exchange(far: Socket, request: Buffer): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    let answer = Buffer.alloc(0)
    const ended = (): void => done(undefined)
    const more = (data: Buffer): void => {
      answer = Buffer.concat([answer, data])
      if (wholeSize(answer) !== undefined) done(answer)
    }
    const done = (value: Buffer | undefined): void => {
      far.off('data', more).off('close', ended)
      resolve(value)
    }
    far.on('data', more).on('close', ended)
    far.write(request)
  })
}

/** Bytes of the first message, once it is there as a whole. */
function wholeSize(data: Buffer): number | undefined {
  const head = data.indexOf('\r\n\r\n')
  if (head < 0) return undefined
  const fields = data.subarray(0, head).toString('latin1').toLowerCase()
  if (/transfer-encoding: chunked/.test(fields)) {
    const end = data.indexOf('\r\n0\r\n\r\n', head)
    return end < 0 ? undefined : end + 7
  }
  const size = head + 4 + Number(/content-length: (\d+)/.exec(fields)?.[1] ?? 0)
  return data.length < size ? undefined : size
}

export interface Stage {
  phase: Phase
  part: Part
  /** Taken in turns, from byte to byte. */
  hows: Break['how'][]
  /** How many first bytes a break has let through so far: 0, 1, 2 and so on. */
  visited: number
  /** Of the message that had no further byte to break at; 0 while there are some. */
  size: number
}

/** Breaks at every byte of every kind of message, of a write in both ways, and keeps account. */
export function sweep(): { stages: Stage[]; judge: Judge } {
  const stages: Stage[] = []
  for (const phase of ['login', 'select', 'write'] as const)
    for (const part of ['request', 'answer'] as const) {
      const ways: Stage['hows'][] = phase === 'write' ? [['end'], ['reset']] : [['end', 'reset']]
      for (const hows of ways) stages.push({ phase, part, hows, visited: 0, size: 0 })
    }
  let hasStored = false
  const judge: Judge = (phase, part, size) => {
    if (phase === 'write' && part === 'answer') hasStored = true
    // An empty stream answers a select with less than there is to break later.
    if (phase === 'select' && !hasStored) return undefined
    for (const stage of stages) {
      if (stage.phase !== phase || stage.size > 0) continue
      if (stage.part !== part) return undefined
      const how = stage.hows[stage.visited % stage.hows.length] ?? 'end'
      if (stage.visited < size) return { after: stage.visited++, how }
      stage.size = size
    }
    return undefined
  }
  return { stages, judge }
}
