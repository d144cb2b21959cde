import { crc32 } from 'node:zlib'
import type { Repl } from '../device/repl.js'
import { WxError } from '../errors.js'

/** What a board says about itself. */
export interface BoardFacts {
  /** Lower case hex with colons. */
  mac: string
  version: string
  machine: string
  /** sys.implementation._mpy: tells which .mpy files it can load. */
  mpy: number
  /** Sensors that answered on the bus. */
  sensors: { am2320: boolean; bmp180: boolean }
  /** Text of its station.json; undefined where it has none. It holds secrets. */
  stationJson: string | undefined
}

// An AM2320 sleeps: the first scan wakes it, the second sees it (sensors.md).
const shortCode = (scl: number, sda: number): string => `try:
 import survey;survey.facts(${scl},${sda})
except Exception:print('?')`

// The same for a board without our survey.py, or with another version's.
const code = (scl: number, sda: number): string => `import os,sys,machine,binascii,json
t=None
c={}
try:
 with open('station.json')as f:t=f.read()
 c=json.loads(t)
except(OSError,ValueError):pass
print('m',binascii.hexlify(machine.unique_id()).decode())
print('v',os.uname().release)
print('h',os.uname().machine)
print('y',getattr(sys.implementation,'_mpy',0))
try:
 i=machine.I2C(0,scl=machine.Pin(c.get('scl',${scl})),sda=machine.Pin(c.get('sda',${sda})),freq=50000)
 i.scan();print('s',*i.scan())
except Exception:print('s')
if t is not None:print('x',binascii.crc32(t.encode()));print('j',t)`

// A byte that the wire loses in a hundred kilobytes is an everyday thing; three times, a fault. The
// first of four goes to a board that may have no survey.py.
const attempts = 4

/**
 * Asks a board about itself, in one round trip, or two where it has no station; `pins` are those of a board that has no settings
 * of its own yet. Throws BOARD_FAULT where what it says about its
 * settings does not match its checksum: written back, they would lose a password.
 */
export async function readFacts(
  repl: Repl,
  pins: { scl: number; sda: number },
  signal?: AbortSignal,
): Promise<BoardFacts> {
  for (let attempt = 1; ; attempt++) {
    const ask = attempt === 1 ? shortCode : code
    const answer = await repl.exec(ask(pins.scl, pins.sda), {
      repeatable: true,
      timeoutMs: 30_000,
      signal,
    })
    const at = answer.indexOf('\nj ')
    const head = at < 0 ? answer : answer.slice(0, at)
    // print() adds the last line end.
    const stationJson = at < 0 ? undefined : answer.slice(at + 3).replace(/\n$/, '')
    const lines = new Map(head.split('\n').map((line) => [line[0], line.slice(2)]))
    const sum = stationJson === undefined ? undefined : String(crc32(stationJson))
    if (lines.has('m') && lines.get('x') === sum) return factsOf(lines, stationJson, head)
    if (attempt >= attempts)
      throw new WxError('BOARD_FAULT', "The board's settings arrive damaged, however often.", {
        hint: 'Check the cable, or try another USB port.',
      })
  }
}

function factsOf(
  lines: Map<string | undefined, string>,
  stationJson: string | undefined,
  head: string,
): BoardFacts {
  const mac = lines.get('m') ?? ''
  if (!/^[0-9a-f]{12}$/.test(mac)) {
    throw new WxError('BOARD_FAULT', 'The board does not tell its MAC address.', {
      details: { answer: head },
    })
  }
  const found = (lines.get('s') ?? '').split(' ')
  return {
    mac: (mac.match(/../g) ?? []).join(':'),
    version: lines.get('v') ?? '',
    machine: lines.get('h') ?? '',
    mpy: Number(lines.get('y') ?? 0),
    // Addresses from the data sheets: AM2320 0x5C, BMP180 0x77.
    sensors: { am2320: found.includes('92'), bmp180: found.includes('119') },
    stationJson,
  }
}

/** Which board it is, and the number of the boot that it is in; 0 where no station has counted any. */
export async function readBoot(
  repl: Repl,
  signal?: AbortSignal,
): Promise<{ mac: string; boot: number }> {
  // boots.count() in crash.py.
  const code = `import machine,binascii,esp32
try:n=esp32.NVS('wx').get_i32('boot')
except OSError:n=0
print(binascii.hexlify(machine.unique_id(),':').decode(),n)`
  const answer = (await repl.exec(code, { repeatable: true, signal })).trim()
  const [, mac, boot] = /^((?:[0-9a-f]{2}:){5}[0-9a-f]{2}) (\d+)$/.exec(answer) ?? []
  if (mac !== undefined) return { mac, boot: Number(boot) }
  throw new WxError('BOARD_FAULT', 'The board does not tell its MAC address.', {
    details: { answer },
  })
}
