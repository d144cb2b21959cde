import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { nodeSystem } from '../../src/system/node.js'
import { cli, testSystem } from '../support/system.js'

/** A board behind a socket that answers every line and remembers every byte. */
async function answeringBoard(): Promise<{ port: string; got: () => string; hangUp(): void }> {
  let got = ''
  let hangUp = (): void => {}
  const { port, close } = await nodeSystem().net.listen({ port: 0 }, (socket) => {
    hangUp = () => socket.destroy()
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      got += bytes.toString('latin1')
      if (bytes.includes(0x0d)) socket.write('42\r\n>>> ')
    })
  })
  onTestFinished(close)
  return { port: `socket://127.0.0.1:${port}`, got: () => got, hangUp: () => hangUp() }
}

describe('repl', () => {
  it('passes control keys and text through, and leaves at Ctrl-]', async () => {
    const board = await answeringBoard()
    const system = testSystem({ tty: true })
    const ran = cli(['repl', '--port', board.port], system)
    await vi.waitFor(() => expect(system.err()).toContain('Ctrl-] leaves'))
    system.type('\x03\x04print(6*7)\r')
    await vi.waitFor(() => expect(system.out()).toContain('42\r\n>>> '))
    system.type('\x02\x1dnot for the board')
    expect(await ran).toMatchObject({ code: 0 })
    await vi.waitFor(() => expect(board.got()).toBe('\x03\x04print(6*7)\r\x02'))
  })

  it('waits for the answer to piped input', async () => {
    const board = await answeringBoard()
    const system = testSystem()
    ;(system.terminal.stdin as unknown as NodeJS.WritableStream).end('print(6*7)\r')
    const { code, out } = await cli(['repl', '--port', board.port], system)
    expect(code).toBe(0)
    expect(out).toBe('42\r\n>>> ')
  })

  it('says so when the port goes away', async () => {
    const board = await answeringBoard()
    const system = testSystem({ tty: true })
    const ran = cli(['repl', '--port', board.port], system)
    system.type('x')
    await vi.waitFor(() => expect(board.got()).toBe('x'))
    board.hangUp()
    const { code, err } = await ran
    expect(code).toBe(6)
    expect(err).toContain('port-lost')
  })
})
