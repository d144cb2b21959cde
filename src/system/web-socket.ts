import type { System } from '../system.js'
import { agentFor } from './fetch.js'

export const nodeWebSocket: System['webSocket'] = async (url, options = {}) => {
  const { WebSocket } = await import('undici')
  const socket = new WebSocket(url, {
    dispatcher: await agentFor(options),
    ...(options.headers && { headers: options.headers }),
    ...(options.protocols && { protocols: options.protocols }),
  })
  socket.binaryType = 'arraybuffer'

  const queue: (string | Uint8Array)[] = []
  let wake = (): void => {}
  let ended = false
  let failure: unknown
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.addEventListener('close', ({ code, reason }) => {
      ended = true
      wake()
      resolve({ code, reason })
    })
  })
  socket.addEventListener('message', ({ data }) => {
    queue.push(typeof data === 'string' ? data : new Uint8Array(data as ArrayBuffer))
    wake()
  })
  socket.addEventListener('error', (event) => {
    failure = event.error ?? new Error('WebSocket failed')
    wake()
  })
  const abort = (): void => socket.close()
  options.signal?.addEventListener('abort', abort, { once: true })

  await new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve(), { once: true })
    socket.addEventListener('error', (event) => reject(event.error ?? new Error(event.message)), {
      once: true,
    })
    closed.then(() => reject(options.signal?.reason ?? new Error('closed during the handshake')))
  })

  async function* messages(): AsyncGenerator<string | Uint8Array> {
    while (true) {
      while (queue.length > 0) yield queue.shift() as string | Uint8Array
      if (failure) throw failure
      if (ended) return
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  return {
    send: (data) => socket.send(data),
    close: (code, reason) => socket.close(code, reason),
    messages: messages(),
    closed,
  }
}
