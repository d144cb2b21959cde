import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Dialog } from '../../src/device/dialog.js'
import { openLink } from '../../src/device/links/open.js'
import { nodeSystem } from '../../src/system/node.js'
import { type Bench, provisionBench } from '../support/bench.js'
import { cli, type TestSystem } from '../support/system.js'

const password = 'mark-air'

/** The tool's half and the station's own: its real code on a virtual board, no cable between them. */
describe('a station over the air', () => {
  let bench: Bench
  let host: string

  beforeAll(async () => {
    bench = await provisionBench()
    host = bench.sandbox.boards[0]?.webReplHost ?? ''
    const settings = [
      'trial_time=30',
      `webrepl_password=${password}`,
      'ap_password=below-the-roof',
      'ap_after=10',
    ]
    const ran = await bench.wxstation(
      'provision',
      '--wifi',
      ...settings.flatMap((one) => ['--set', one]),
    )
    expect(ran.code, ran.err).toBe(0)
  })
  afterAll(() => bench?.stop())

  const computer = (env: Record<string, string> = {}): TestSystem =>
    bench.computer({ env: { WXSTATION_WEBREPL_PASSWORD: password, ...env } })
  const run = (argv: string[], system = computer()): ReturnType<typeof cli> =>
    cli([...argv, '--host', host, '--json'], system)
  const errorOf = (out: string): unknown => (JSON.parse(out) as { error?: unknown }).error
  const networks = async (): Promise<string[]> => {
    const { out } = await run(['wifi', 'list'])
    return (JSON.parse(out) as { networks: { ssid: string }[] }).networks.map(({ ssid }) => ssid)
  }

  /** Waits for a line on the board's own console, which nobody else looks at. */
  async function onConsole(line: string): Promise<void> {
    const options = { baud: 115_200 }
    const link = await openLink(bench.sandbox.boards[0]?.socketUrl ?? '', options, nodeSystem())
    const said = await new Dialog(link, nodeSystem()).until(line, { silenceMs: 60_000 })
    await link.close()
    expect(said ?? 'nothing').toContain(line)
  }

  /** A computer whose package has another file in its firmware. */
  function withFirmware(name: string, text: string): TestSystem {
    const system = computer()
    const { files } = system
    const read: typeof files.read = async (path) =>
      path.endsWith(`/micropython/${name}`) ? Buffer.from(text) : files.read(path)
    return { ...system, files: { ...files, read } }
  }

  it('keeps settings with which it calls home', async () => {
    const { code, out, err } = await run(['config', 'set', 'upload_interval=5'])
    expect(code, out + err).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ changed: true })
    const again = await run(['config', 'set', 'upload_interval=5'])
    expect(JSON.parse(again.out)).toMatchObject({ changed: false })
  })

  it('keeps files with which it calls home', async () => {
    const system = withFirmware('led.py', `${await firmware('led.py')}\nMARK = 1\n`)
    const { code, out, err } = await run(['update'], system)
    expect(code, out + err).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ changed: true, plan: { change: [{}], add: [] } })
  })

  it('is provisioned, code and settings at once, and shows its first record', async () => {
    const args = ['provision', '--set', 'upload_interval=4', '--name', 'roof']
    const { code, out, err } = await run(args)
    expect(code, out + err).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      changed: true,
      // led.py of the package is back, and with it come the settings.
      plan: { change: [{}, {}], settings: [{ name: 'upload_interval', from: '5', to: '4' }] },
      record: { type: 'weather_record' },
    })
    const again = await run(args)
    expect(JSON.parse(again.out)).toMatchObject({ changed: false })
  })

  it('has its old files back after new ones that crash, a power cut among it', async () => {
    const update = run(['update'], withFirmware('led.py', 'raise RuntimeError("new")\n'))
    await onConsole('wx error crash')
    await bench.sandbox.boards[0]?.powerCycle()
    const { out, err } = await update
    expect(errorOf(out), err).toMatchObject({ code: 'TRIAL_FAILED', exitCode: 11 })
    const { code } = await run(['config', 'set', 'upload_interval=6'])
    expect(code).toBe(0)
  })

  it('has its old network back after a wrong password', async () => {
    const args = ['wifi', 'set', '--ssid', 'Rooftop']
    const wrong = computer({ WXSTATION_WIFI_PASSWORD: 'not the right one' })
    const { out, err } = await run(args, wrong)
    expect(errorOf(out), err).toMatchObject({ code: 'TRIAL_FAILED', exitCode: 11 })
    expect(await networks()).toEqual(['Rooftop'])
  })

  it('is reached at its own access point while its network is gone', async () => {
    await bench.withFaults({ accessPointGone: true }, async () => {
      await onConsole('wx ap open')
      expect(await networks()).toEqual(['Rooftop'])
    })
  })
})

async function firmware(name: string): Promise<string> {
  const { readFile } = await import('node:fs/promises')
  return readFile(new URL(`../../firmware/micropython/${name}`, import.meta.url), 'utf8')
}
