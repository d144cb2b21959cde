import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { openWebRepl } from '../../../src/device/webrepl.js'
import { Secret } from '../../../src/secret.js'
import { nodeSystem } from '../../../src/system/node.js'
import { startTestBoard, type TestBoard } from './support.js'

const system = nodeSystem()

/** A client that knows RFC 6455 and nothing of boards. */
interface Client {
  socket: WebSocket
  /** Text frames since the last look, up to and with these words. */
  until(words: string): Promise<string>
  /** The next binary frame. */
  binary(): Promise<Buffer>
  closed: Promise<void>
}

function connect(port: number): Client {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { perMessageDeflate: false })
  let text = ''
  const pieces: Buffer[] = []
  let changed = (): void => {}
  socket.on('message', (data: Buffer, isBinary) => {
    if (isBinary) pieces.push(data)
    else text += data.toString('latin1')
    changed()
  })
  const wait = async <T>(look: () => T | undefined): Promise<T> => {
    for (;;) {
      const found = look()
      if (found !== undefined) return found
      await new Promise<void>((resolve) => {
        changed = resolve
      })
    }
  }
  socket.on('error', () => {})
  return {
    socket,
    until: (words) =>
      wait(() => {
        const end = text.indexOf(words) + words.length
        if (end < words.length) return undefined
        const found = text.slice(0, end)
        text = text.slice(end)
        return found
      }),
    binary: () => wait(() => pieces.shift()),
    closed: new Promise((resolve) => socket.once('close', () => resolve())),
  }
}

function request(op: number, name = '', size = 0): Buffer {
  const bytes = Buffer.alloc(82)
  bytes.write('WA')
  bytes[2] = op
  bytes.writeUInt32LE(size, 12)
  bytes.writeUInt16LE(name.length, 16)
  bytes.write(name, 18)
  return bytes
}

describe('the WebREPL of a virtual board', () => {
  let board: TestBoard
  let port: number

  beforeAll(async () => {
    board = await startTestBoard()
    await board.waitFor('>>> ')
    board.send('\x01')
    await board.waitFor('exit\r\n>')
    const { out, err } = await board.exec(
      'import network,time,webrepl\ns=network.WLAN(0);s.active(True);s.connect("Rooftop","sandbox-wifi")\nwhile not s.isconnected():time.sleep_ms(50)\nwebrepl.start(password="letmein")\nprint(s.ifconfig()[0])',
    )
    expect(err).toBe('')
    expect(out).toContain('WebREPL server started on http://')
    const address = out.trim().split('\n').at(-1)?.trim() ?? ''
    port = board.air.forward(address, 8266) ?? 0
    board.send('\x02')
    await board.waitFor('>>> ')
  })
  afterAll(() => board.halt())
  beforeEach(() => void board.send('\r'))

  async function signedIn(): Promise<Client> {
    const client = connect(port)
    await client.until('Password: ')
    client.socket.send('letmein\r')
    await client.until('\r\nWebREPL connected\r\n>>> ')
    return client
  }

  it('asks for the password, and shuts the door on a wrong one', async () => {
    const client = connect(port)
    expect(await client.until('Password: ')).toBe('Password: ')
    client.socket.send('guess\r')
    expect(await client.until('denied\r\n')).toBe('\r\nAccess denied\r\n')
    await client.closed
    await board.waitFor('dupterm: EOF received, deactivating')
  })

  it('is the prompt, beside the one on the cable', async () => {
    const client = await signedIn()
    client.socket.send('print(6*7)\r')
    expect(await client.until('42\r\n>>> ')).toContain('print(6*7)\r\n')
    await board.waitFor('42\r\n>>> ')
    client.socket.send('import time\rwhile True: time.sleep_ms(20);print("busy")\r\r')
    await client.until('\nbusy\r\n')
    client.socket.send('\x03')
    await client.until('KeyboardInterrupt')
    client.socket.close()
    await client.closed
  })

  it('writes and reads files and tells its version', async () => {
    const client = await signedIn()
    const data = Buffer.from(Array.from({ length: 3000 }, (_, i) => (i * 7) & 255))
    client.socket.send(request(1, 'put.bin', data.length))
    expect(await client.binary()).toEqual(Buffer.from('WB\0\0'))
    for (let at = 0; at < data.length; at += 1024) client.socket.send(data.subarray(at, at + 1024))
    expect(await client.binary()).toEqual(Buffer.from('WB\0\0'))
    client.socket.send(request(2, 'put.bin'))
    expect(await client.binary()).toEqual(Buffer.from('WB\0\0'))
    const parts: Buffer[] = []
    for (;;) {
      client.socket.send(Buffer.of(0))
      const piece = await client.binary()
      expect(piece.length).toBe(2 + piece.readUInt16LE())
      if (piece.length === 2) break
      parts.push(piece.subarray(2))
    }
    expect(await client.binary()).toEqual(Buffer.from('WB\0\0'))
    expect(Buffer.concat(parts).equals(data)).toBe(true)
    client.socket.send(request(3))
    expect([...(await client.binary())]).toEqual([1, 23, 0])
    client.socket.close()
    await client.closed
  })

  it('hangs up where a file is asked for that is not there', async () => {
    const client = await signedIn()
    client.socket.send(request(2, 'nothing.here'))
    await client.closed
    await board.waitFor('dupterm: Exception in read() method, deactivating: ')
    await board.waitFor('OSError: [Errno 2] ENOENT')
  })

  it('takes one client at a time', async () => {
    const first = await signedIn()
    const second = connect(port)
    await second.closed
    await board.waitFor('Concurrent WebREPL connection from')
    first.socket.send('1+1\r')
    await first.until('2\r\n>>> ')
    first.socket.close()
    await first.closed
  })

  it('shows a browser the page that leads to the client', async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/`)
    expect(await answer.text()).toContain('webrepl_content.js')
  })

  it('lets the program read a file while another one runs', async () => {
    await signedIn().then(async (client) => {
      client.socket.send('f=open("kept.txt","w");f.write("as it was");f.close()\r')
      await client.until('9\r\n>>> ')
      client.socket.send('import time\rwhile True: time.sleep_ms(5)\r\r')
      client.socket.close()
      await client.closed
    })
    const options = { host: `127.0.0.1:${port}`, password: new Secret('letmein') }
    const { link, readFile } = await openWebRepl(options, system)
    expect(Buffer.from(await readFile('kept.txt')).toString()).toBe('as it was')
    await link.close()
    board.send('\x03')
    await board.waitFor('KeyboardInterrupt')
  })
})

describe('the WebREPL at an access point', () => {
  it('is there while the access point is, and counts who comes', async () => {
    const board = await startTestBoard()
    await board.waitFor('>>> ')
    board.send('\x01')
    await board.waitFor('exit\r\n>')
    const { out } = await board.exec(
      'import network,webrepl\na=network.WLAN(1);a.active(True)\nwebrepl.start(password="letmein")',
    )
    expect(out).toContain('http://192.168.4.1:8266/')
    const client = connect(board.air.forward('192.168.4.1', 8266) ?? 0)
    await client.until('Password: ')
    expect((await board.exec('print(len(a.status("stations")))')).out).toContain('1')
    client.socket.send('letmein\r')
    await client.until('connected')
    await board.exec('a.active(False)')
    expect(board.air.forward('192.168.4.1', 8266)).toBeUndefined()
    await board.halt()
  })
})
