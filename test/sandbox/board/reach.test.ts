import { expect, it, onTestFinished } from 'vitest'
import { reachFromBoard } from '../../../src/cli/board-network.js'
import type { Context } from '../../../src/cli/context.js'
import type { Repl } from '../../../src/device/repl.js'
import type { Event } from '../../../src/events.js'
import type { Gateway } from '../../../src/sandbox/gateway/gateway.js'
import { Secret } from '../../../src/secret.js'
import type { StationSettings } from '../../../src/station/config.js'
import { computer, gatewayEnv, testGateway } from '../../support/gateway.js'
import { cli, testSystem } from '../../support/system.js'
import { startTestBoard, type TestBoard } from './support.js'

const secret = 'secret-of-a-key'

/** A joined board at its prompt. */
async function joinedBoard(): Promise<TestBoard> {
  const board = await startTestBoard()
  onTestFinished(() => board.halt())
  await board.waitFor('>>> ')
  board.send('\x01')
  await board.waitFor('exit\r\n>')
  await board.exec(`import network,time
s=network.WLAN(network.STA_IF);s.active(True);s.connect("Rooftop","sandbox-wifi")
while not s.isconnected():time.sleep_ms(50)`)
  return board
}

/** What the steps were, or the code of the one that fails; and all that was sent to the board. */
async function reach(
  board: TestBoard,
  { port }: Gateway,
  settings: StationSettings,
): Promise<{ steps: string; code: string; sent: string }> {
  let sent = ''
  let steps = ''
  const tryExec: Repl['tryExec'] = async (code) => {
    sent += code
    const { out, err } = await board.exec(code)
    return { stdout: out, stderr: err.trim() }
  }
  const exec: Repl['exec'] = async (code) => {
    const { stdout, stderr } = await tryExec(code)
    expect(stderr).toBe('')
    return stdout
  }
  const report = (event: Event): void => {
    if (event.type === 'done') steps = String(event.values?.steps)
  }
  const context = { report, system: testSystem(), signal: undefined } as unknown as Context
  const given = {
    timebase_url: `http://192.168.77.1:${port}`,
    stream: 'weather_record',
    ntp_servers: ['192.168.77.1'],
    ...settings,
  }
  const code = await reachFromBoard(context, { exec, tryExec } as Repl, given, undefined).then(
    () => 'reached',
    (error: { code?: string }) => error.code ?? String(error),
  )
  return { steps, code, sent }
}

it('signs in from the board and finds the stream there, with a password or a key', async () => {
  const gateway = await testGateway({ apiKeys: [{ name: 'roof', key: secret, user: 'admin' }] })
  const here = computer(gatewayEnv(gateway))
  expect((await cli(['stream', 'create'], here())).code).toBe(0)
  const board = await joinedBoard()
  const user = { username: gateway.user, password: new Secret(gateway.password) }
  const key = { auth: 'api-key', api_key: 'roof', api_secret: new Secret(secret) }
  const wrong = new Secret('not-the-one')
  const all = 'tcp login stream clock'

  expect(await reach(board, gateway, user)).toMatchObject({ steps: all, code: 'reached' })
  const byKey = await reach(board, gateway, key)
  expect(byKey).toMatchObject({ steps: all, code: 'reached' })
  // What signs needs not be there.
  expect(byKey.sent).not.toContain(secret)

  const missing = { stream: 'no_such_stream' }
  const codes: [StationSettings, string][] = [
    [{ ...user, password: wrong }, 'LOGIN_REFUSED'],
    [{ ...key, api_secret: wrong }, 'LOGIN_REFUSED'],
    [{ ...key, api_key: 'nobody' }, 'LOGIN_REFUSED'],
    [{ ...user, ...missing }, 'STREAM_UNKNOWN'],
    [{ ...key, ...missing }, 'STREAM_UNKNOWN'],
  ]
  for (const [settings, code] of codes)
    expect(await reach(board, gateway, settings)).toMatchObject({ code, steps: '' })
})
