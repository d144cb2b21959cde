import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Air, makeAir, type Network } from '../../../src/sandbox/board/air.js'
import type { ResetCause } from '../../../src/sandbox/board/runtime.js'
import { nodeSystem } from '../../../src/system/node.js'
import { type RecordedServers, recordedNow, startRecordedServers } from './recorded-servers.js'
import { type ApiSuite, callsOf } from './replays.js'
import { startTestBoard, type TestBoard } from './support.js'

interface Difference {
  reason: string
  /** Lines of the output that are not compared, from 0; none given = nothing of it is. */
  lines?: number[]
}

/** Where the sandbox differs, and why. All other lines are compared. */
const differences: Record<string, Difference> = {
  AP: {
    reason: 'a scan of the emulated driver finds nothing while it is an access point',
    lines: [27],
  },
  'socket: echo': {
    reason: 'how many segments have come is a matter of time; methods in Python print another way',
    lines: [2, 4, 5, 9],
  },
  requests: { reason: 'dir() of an object in Python: the order of another build', lines: [16] },
  'ssl constants': {
    reason: 'dir() of an object in Python: the order of another build',
    lines: [0, 2],
  },
  'ssl: Python-level handshake time, ms': { reason: 'times of the emulator', lines: [0, 1] },
}

const station = callsOf('Wi-Fi').find(({ setup }) => setup)?.setup ?? ''
const host = '192.168.77.1'
const silent = '192.168.77.77'

/** What the recording ran beforehand: its notes say what each of them does. */
const helpers = `
import network,time,socket,ssl,gc,esp32,binascii
${station}
H=${JSON.stringify(host)}
_open=[]
def conn(port,host=H,timeout=5):
  c=socket.socket();_open.append(c)
  c.settimeout(timeout);c.connect((host,port))
  return c
def t(f):
  a=time.ticks_ms()
  try: r=("ok",f())
  except BaseException as e: r=(type(e).__name__,e.args,str(e))
  print(r,"ms",(time.ticks_diff(time.ticks_ms(),a)+50)//100*100)
def heap():
  gc.collect();x=esp32.idf_heap_info(esp32.HEAP_DATA)
  return gc.mem_free(),sum(i[1] for i in x),max(i[2] for i in x)
`

const secureHelpers = `
def tls(port,ca=None,name="wx.local",required=True):
  c=conn(port,H,2)
  try:
    x=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ca: x.load_verify_locations(cadata=ca)
    x.verify_mode=ssl.CERT_REQUIRED if required else ssl.CERT_NONE
    w=x.wrap_socket(c,server_hostname=name)
    w.write(b"GET /x HTTP/1.0\\r\\n\\r\\n")
    r=w.readline();w.close()
    return r
  finally: c.close()
`

/** The interpreter has no finalizers for classes in Python: what the chip's gc closes is closed here. */
const closeLeft = 'for x in _open: x.close()\n_open.clear()\n'

/** The access points of the recording. */
const networks: Network[] = [
  ['PICSimLabWifi', 0x56, 1, -22],
  ['Espressif', 0x51, 5, -23],
  ['MasseyWifi', 0x52, 10, -37],
].map(([ssid, last, channel, rssi]) => ({
  ssid: String(ssid),
  bssid: Uint8Array.of(0x10, 1, 0, 0xc4, 0x0a, Number(last)),
  channel: Number(channel),
  rssi: Number(rssi),
  auth: 0,
  password: '',
  hidden: false,
}))

/** How much faster TCP gives a silent host up here than in the 58 s of the chip. */
const haste = 20

/** The recording's air: no name is known in it, and its time server is in 2026. */
function recordedAir(): Air {
  const system = nodeSystem()
  const clock = {
    ...system.clock,
    now: () => recordedNow,
    timer: (ms: number, fn: () => void) => system.clock.timer(ms / haste, fn),
    // A busy computer stalls between two statements for longer than a round trip takes.
    sleep: (ms: number, signal?: AbortSignal) => system.clock.sleep(20 * ms, signal),
  }
  const air = makeAir({ ...system, clock }, { networks })
  return {
    ...air,
    resolve: async (name) => (name === 'localhost' ? '127.0.0.1' : undefined),
  }
}

let servers: RecordedServers
beforeAll(async () => {
  servers = await startRecordedServers()
})
afterAll(() => servers.stop())

/** The recording's code with the addresses and ports of here. */
function here(code: string): string {
  return (
    code
      .replaceAll('192.168.4.77', silent)
      .replaceAll('192.168.4.2', host)
      // Sockets the recording left to the garbage collector: see closeLeft.
      .replace('c=socket.socket();c.connect', 'c=socket.socket();_open.append(c);c.connect')
      .replace(
        /(requests\.get\("https.*?\))\.status_code/,
        '(lambda r:(r.status_code,r.close())[0])($1)',
      )
      .replace(/watch\((5000|9000|12000)\)/, 'watch(3500)')
      .replace(/\b61\d\d\b/g, (port) => String(servers.ports.get(Number(port)) ?? port))
  )
}

/** Addresses, ports, milliseconds, signal, ids and heap figures of a run put aside. */
function plain(text: string): string {
  let out = text.replaceAll('\r', '')
  for (const [was, is] of servers.ports) out = out.replaceAll(String(is), String(was))
  return (
    out
      .replaceAll(silent, 'SILENT')
      .replaceAll('192.168.4.77', 'SILENT')
      .replace(/192\.168\.77\.20|192\.168\.4\.15/g, 'STATION')
      .replace(/192\.168\.77\.1\b|192\.168\.4\.[23]\b/g, 'HOST')
      .replace(/\) ms \d+$/gm, ') ms')
      .replace(/^\d+ (?=\(\d+, \w+\)$)/gm, 'ms ')
      // Joined between the two questions of one line: neither state nor its change.
      .replace(/^ms \((?:(?!1010)\d+, True|1010, False)\)\n/gm, '')
      .replace(/(?<=\) )-\d\d(?= )/g, 'dBm')
      .replace(/(?<=object at )[0-9a-f]+/g, 'id')
      .replace(/(?<='Content-Length': ')\d+/g, 'n')
      .replace(/(?<='TLSv1.2'\) )\d+/, 'size')
      .replace(/(?<=\(|, )\d{5,6}(?=[,)])/g, 'bytes')
  )
}

function masked(text: string, lines: number[]): string {
  return text
    .split('\n')
    .map((line, i) => (lines.includes(i) ? '(differs)' : line))
    .join('\n')
}

const suites: { title: ApiSuite; isJoined: boolean; isTls: boolean }[] = [
  { title: 'Wi-Fi', isJoined: false, isTls: false },
  { title: 'sockets', isJoined: true, isTls: false },
  { title: 'TLS', isJoined: true, isTls: true },
  { title: 'soft reset', isJoined: true, isTls: false },
  { title: 'machine.reset()', isJoined: true, isTls: false },
  { title: 'station and access point', isJoined: false, isTls: false },
]

describe.each(suites)(
  'the network modules against the recorded chip: $title',
  ({ title, isJoined, isTls }) => {
    let board: TestBoard
    const run = async (code: string): Promise<void> => {
      const { err } = await board.exec(here(code))
      if (err) throw new Error(err)
    }
    const air = recordedAir()
    const start = async (resetCause: ResetCause = 'power-on'): Promise<void> => {
      board = await startTestBoard({ air, resetCause })
      await board.waitFor('>>> ')
      board.send('\x01')
      await board.waitFor('exit\r\n>')
    }
    beforeAll(async () => {
      await start()
      if (title === 'Wi-Fi') return
      await run(`${helpers}a=network.WLAN(network.AP_IF)`)
      if (!isJoined) return
      await run('s.connect("PICSimLabWifi","")\nwhile not s.isconnected(): time.sleep_ms(50)')
      if (!isTls) return
      const { ca1, ca2, own } = servers.certificates
      await run(secureHelpers)
      await run(`ca1=b${JSON.stringify(ca1.pem)}\nca2=b${JSON.stringify(ca2.pem)}`)
      await run(`selfpem=${JSON.stringify(own.pem)}`)
    })
    afterAll(() => board.halt())

    it.each(callsOf(title))('$name', async (one) => {
      if (one.setup) await run(one.setup)
      if (one.name === 'ssl: right CA')
        await run('import ntptime\nntptime.host=H\nntptime.settime()')
      if (one.name === 'Wi-Fi after the soft reset') {
        board.send('\x04')
        await board.waitFor('exit\r\n>')
      }
      if (one.name === 'Wi-Fi after machine.reset()') {
        await board.halt()
        await start('software')
      }
      const { out, err } = await board.exec(here(one.code))
      if (isJoined && !one.name.startsWith('Wi-Fi after')) await run(closeLeft)
      const { lines } = differences[one.name] ?? { lines: [] }
      if (!lines) return
      expect(masked(plain(out), lines)).toBe(masked(plain(one.out), lines))
      expect(err).toBe(one.err ?? '')
    })
  },
)
