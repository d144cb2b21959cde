import type { Repl } from '../device/repl.js'
import { type ErrorCode, WxError } from '../errors.js'
import type { Secret } from '../secret.js'

export interface SeenNetwork {
  ssid: string
  channel: number
  rssiDbm: number
  security: string
}

export interface Joined {
  ssid: string
  address: string
  netmask: string
  gateway: string
  rssiDbm: number
  elapsedMs: number
}

/** network.AUTH_* of the ESP32 port. */
const securities = [
  'open',
  'WEP',
  'WPA',
  'WPA2',
  'WPA/WPA2',
  'WPA2-Enterprise',
  'WPA3',
  'WPA2/WPA3',
  'WAPI',
  'OWE',
]

const wake = `import network,time
w=network.WLAN(network.STA_IF);w.active(True)
try:w.disconnect()
except OSError:pass
time.sleep_ms(200)
`

/** The networks the board itself can hear: strongest first, each name once, unnamed ones left out. */
export async function scanWifi(repl: Repl, signal?: AbortSignal): Promise<SeenNetwork[]> {
  const code = `${wake}import binascii
for s in w.scan():print(binascii.hexlify(s[0]).decode()or'-',s[2],s[3],s[4])`
  // A scan of 13 channels takes 2 to 4 s; a busy radio is given ten times that.
  const listing = await repl.exec(code, { repeatable: true, timeoutMs: 30_000, signal })
  return seenNetworks(listing)
}

/** Reads lines of name in hex, channel, dBm and security type. */
export function seenNetworks(listing: string): SeenNetwork[] {
  const best = new Map<string, SeenNetwork>()
  for (const line of listing.split('\n')) {
    const [hex = '', channel, rssi, auth] = line.split(' ')
    const ssid = Buffer.from(hex, 'hex').toString('utf8').replaceAll('\0', '')
    if (ssid === '') continue
    const seen: SeenNetwork = {
      ssid,
      channel: Number(channel),
      rssiDbm: Number(rssi),
      security: securities[Number(auth)] ?? `type ${auth}`,
    }
    const before = best.get(ssid)
    if (!before || before.rssiDbm < seen.rssiDbm) best.set(ssid, seen)
  }
  return [...best.values()].sort((a, b) => b.rssiDbm - a.rssiDbm)
}

// Ends early only when nothing can change any more: after 12 s an ESP32 has tried a password three
// times and scanned twice. status() keeps an old failure while the radio tries again.
const join = (ssid: string, password: Secret): string => `${wake}t=time.ticks_ms()
def s():
 try:return w.status('rssi')
 except Exception:return 0
try:w.connect(${JSON.stringify(ssid)},${JSON.stringify(password.reveal())})
except OSError as x:print('e',x)
while 1:
 d=time.ticks_diff(time.ticks_ms(),t)
 c=w.status()
 if w.isconnected()or d>30000 or c in(201,202,204)and d>12000 or c in(210,211)and d>6000:break
 time.sleep_ms(100)
print('d',w.isconnected(),c,s(),d,*w.ifconfig())`

/** Joins a network on the board, bounded at 30 s; throws the WIFI_ error that names the reason. */
export async function joinWifi(
  repl: Repl,
  network: { ssid: string; password: Secret },
  seen: SeenNetwork | undefined,
  signal?: AbortSignal,
): Promise<Joined> {
  const code = join(network.ssid, network.password)
  const output = await repl.exec(code, { timeoutMs: 60_000, signal })
  const last = output.split('\n').find((line) => line.startsWith('d ')) ?? ''
  const [, connected, status, rssi, ms, address = '', netmask = '', gateway = ''] = last.split(' ')
  const rssiDbm = Number(rssi)
  if (connected !== 'True' || address === '0.0.0.0') {
    // A name from a flag was never looked for: whether it is there, and how strong, is the reason.
    const found = seen ?? (await scanWifi(repl, signal)).find(({ ssid }) => ssid === network.ssid)
    throw joinError(network.ssid, { status: Number(status), rssiDbm, seen: found })
  }
  return { ssid: network.ssid, address, netmask, gateway, rssiDbm, elapsedMs: Number(ms) }
}

// Below this an ESP32 hears a network but seldom gets through a handshake.
const weakDbm = -85

/** network.STAT_* after a failed join, turned into what a person can act on. */
export function joinError(
  ssid: string,
  { status, rssiDbm, seen }: { status: number; rssiDbm: number; seen: SeenNetwork | undefined },
): WxError {
  const strength = seen?.rssiDbm ?? rssiDbm
  // A name comes from whoever is near: it shall neither end a line nor paint it.
  const name = ssid.replace(/\p{Cc}/gu, '\ufffd')
  const details = { ssid, status, ...(strength !== 0 && { rssiDbm: strength }) }
  const fail = (code: ErrorCode, message: string): WxError =>
    new WxError(code, message, { details })
  if (strength < weakDbm)
    return fail('WIFI_WEAK', `"${name}" is too weak at the board: ${strength} dBm.`)
  if (status === 201 && !seen)
    return fail('WIFI_NOT_FOUND', `The board does not find the network "${name}".`)
  // 204: an access point that drops a wrong password without a word.
  if (status === 202 || status === 204)
    return fail('WIFI_WRONG_PASSWORD', `"${name}" refuses the password.`)
  if (status === 201 || status === 200)
    return fail('WIFI_NOT_FOUND', `"${name}" went away while the board tried to join it.`)
  if (status === 210 || status === 211)
    return fail('WIFI_FAILED', `"${name}" uses a security that the board does not speak.`)
  if (status === 1001 || status === 1010)
    return fail('WIFI_NO_ADDRESS', `"${name}" let the board in but gave it no address in 30 s.`)
  return fail('WIFI_FAILED', `The board could not join "${name}" (status ${status}).`)
}
