import type { Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openLink, parseAddress } from '../../../../src/device/links/open.js'
import type { Clock } from '../../../../src/system.js'
import { testSystem } from '../../../support/system.js'

const system = testSystem.bind(undefined, {})

/** A TCP server that collects what comes and does with each connection what the test says. */
async function server(
  onConnection: (socket: Socket) => void,
): Promise<{ port: number; received: () => number[] }> {
  const bytes: number[] = []
  const { port, close } = await system().net.listen({ port: 0 }, (socket) => {
    socket.on('data', (chunk) => bytes.push(...chunk))
    socket.on('error', () => {})
    onConnection(socket)
  })
  onTestFinished(close)
  return { port, received: () => bytes }
}

async function until(check: () => boolean): Promise<void> {
  while (!check()) await new Promise((resolve) => setTimeout(resolve, 5))
}

describe('parseAddress', () => {
  it.each([
    ['socket://localhost:2217', { host: 'localhost', port: 2217 }],
    ['rfc2217://10.0.0.7:4000?ign_set_control', { host: '10.0.0.7', port: 4000 }],
    ['rfc2217://[::1]:4000', { host: '::1', port: 4000 }],
  ])('%s', (url, address) => expect(parseAddress(url)).toEqual(address))
  it.each([
    'socket://localhost',
    'socket://:1',
    'rfc2217://host:0',
    'rfc2217://host:99999',
    'socket://a b:1',
  ])('refuses %s', (url) => expect(() => parseAddress(url)).toThrow('not a port address'))
})

describe('socket://', () => {
  it('carries bytes both ways and has no control lines', async () => {
    const { port, received } = await server((socket) => void socket.write('hello'))
    const link = await openLink(`socket://127.0.0.1:${port}`, { baud: 115200 }, system())
    expect(link.hasControlLines).toBe(false)
    expect(new TextDecoder().decode(await link.read(1000))).toBe('hello')
    await link.write(Uint8Array.of(1, 255, 2))
    await until(() => received().length === 3)
    expect(received()).toEqual([1, 255, 2])
    await link.close()
  })

  it('answers nothing after the time, and gives unread bytes first', async () => {
    const { port } = await server(() => {})
    const link = await openLink(`socket://127.0.0.1:${port}`, { baud: 115200 }, system())
    expect(await link.read(10)).toEqual(new Uint8Array(0))
    link.unread(Uint8Array.of(7))
    expect(await link.read(10)).toEqual(Uint8Array.of(7))
    await link.close()
  })

  it('says that it was lost, after what had come in was read', async () => {
    const { port } = await server((socket) => socket.end('last'))
    const link = await openLink(`socket://127.0.0.1:${port}`, { baud: 115200 }, system())
    let text = ''
    while (text !== 'last') text += new TextDecoder().decode(await link.read(1000))
    await expect(link.read(1000)).rejects.toMatchObject({ code: 'PORT_LOST' })
  })

  it('ends a read at an abort', async () => {
    const { port } = await server(() => {})
    const link = await openLink(`socket://127.0.0.1:${port}`, { baud: 115200 }, system())
    const stop = new AbortController()
    const reading = link.read(60_000, stop.signal)
    stop.abort(new Error('enough'))
    await expect(reading).rejects.toThrow('enough')
    await link.close()
  })

  it('is absent where nobody listens', async () => {
    const { port, close } = await system().net.listen({ port: 0 }, () => {})
    await close()
    await expect(
      openLink(`socket://127.0.0.1:${port}`, { baud: 1 }, system()),
    ).rejects.toMatchObject({
      code: 'PORT_ABSENT',
      exitCode: 4,
    })
  })
})

/** The system's clock, and how many of its timers run. */
function countedClock(): { clock: Clock; running: () => number } {
  const real = testSystem().clock
  let running = 0
  const clock: Clock = {
    ...real,
    timer(ms, fn) {
      running++
      let isOver = false
      const end = (): void => {
        if (!isOver) running--
        isOver = true
      }
      const cancel = real.timer(ms, () => {
        end()
        fn()
      })
      return () => {
        end()
        cancel()
      }
    },
    sleep(ms, signal) {
      running++
      return real.sleep(ms, signal).finally(() => running--)
    },
  }
  return { clock, running: () => running }
}

describe('rfc2217://', () => {
  const accepting = (socket: Socket): void =>
    void socket.write(Uint8Array.of(255, 251, 44, 255, 253, 44))
  const afterOpen = (bytes: number[]): string => Buffer.from(bytes).toString('hex')

  it('sets 8N1, no flow control and the baud at open, and touches no line', async () => {
    const { port, received } = await server(accepting)
    const link = await openLink(`rfc2217://127.0.0.1:${port}`, { baud: 115200 }, system())
    const wire = afterOpen(received())
    for (const frame of [
      'fffa2c0208fff0',
      'fffa2c0301fff0',
      'fffa2c0401fff0',
      'fffa2c0501fff0',
      'fffa2c010001c200fff0',
    ]) {
      expect(wire).toContain(frame)
    }
    expect(wire).not.toMatch(/fffa2c05(08|09|0b|0c)/)
    await link.close()
  })

  it('leaves no timer behind, which would hold a command that is done', async () => {
    const { port } = await server((socket) => {
      accepting(socket)
      // Takes every rate at once: SET-BAUDRATE comes back as 101.
      const taken = [255, 250, 44, 101, 0, 1, 194, 0, 255, 240]
      socket.on('data', () => void socket.write(Uint8Array.from(taken)))
    })
    const { clock, running } = countedClock()
    const url = `rfc2217://127.0.0.1:${port}`
    const link = await openLink(url, { baud: 115_200 }, testSystem({ clock }))
    await link.setBaud(460_800)
    await new Promise((resolve) => setImmediate(resolve))
    expect(running()).toBe(0)
    await link.close()
  })

  it('sends changed lines only, DTR before RTS, and waits for no answer', async () => {
    const { port, received } = await server(accepting)
    const link = await openLink(`rfc2217://127.0.0.1:${port}`, { baud: 115200 }, system())
    const before = received().length
    await link.setLines({ dtr: false, rts: false })
    await link.setLines({ dtr: false, rts: true })
    await link.setLines({ dtr: true, rts: false })
    await link.setLines({ dtr: true, rts: false })
    await until(() => received().length >= before + 21)
    expect(afterOpen(received().slice(before))).toBe('fffa2c050bfff0fffa2c0508fff0fffa2c050cfff0')
    await link.close()
  })

  it('doubles 0xff both ways', async () => {
    const { port, received } = await server((socket) => {
      accepting(socket)
      socket.write(Uint8Array.of(1, 255, 255, 2))
    })
    const link = await openLink(`rfc2217://127.0.0.1:${port}`, { baud: 115200 }, system())
    expect(await link.read(1000)).toEqual(Uint8Array.of(1, 255, 2))
    const before = received().length
    await link.write(Uint8Array.of(255, 0))
    await until(() => received().length >= before + 3)
    expect(received().slice(before)).toEqual([255, 255, 0])
    await link.close()
  })

  it('says what a server that is none is', async () => {
    const { port } = await server((socket) => void socket.write('220 mail.example.com ESMTP'))
    const opening = openLink(`rfc2217://127.0.0.1:${port}`, { baud: 115200 }, system())
    await expect(opening).rejects.toMatchObject({
      code: 'PORT_ABSENT',
      message: expect.stringContaining('RFC 2217'),
    })
  })
})
