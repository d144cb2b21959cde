import type { Repl } from '../device/repl.js'
import { type ErrorCode, WxError } from '../errors.js'
import type { Secret } from '../secret.js'

type Headers = { [name: string]: string }

/** What the board has to reach, step by step. */
export interface Target {
  /** WebAdmin as the board will call it. */
  url: string
  stream: string
  login: { user: string; password: Secret } | { sign: (url: URL) => Promise<Headers> }
  /** Root certificate in DER; undefined with `insecure` or plain HTTP. */
  rootDer?: Uint8Array | undefined
  insecure?: boolean | undefined
  ntpServers: string[]
  /** UTC milliseconds: the clock the board gets before TLS compares dates. */
  nowMs: number
}

export type Step = 'dns' | 'tcp' | 'tls' | 'login' | 'stream' | 'clock'

export interface Reached {
  /** Steps that went well, in order. */
  steps: Step[]
  address: string
  /** The first time server that answered; undefined where none did. */
  timeServer: string | undefined
}

/** Every step of the way from the board to TimeBase, on the board; throws the step that fails. */
export async function reachTimebase(
  repl: Repl,
  target: Target,
  onStep: (step: Step) => void,
  signal?: AbortSignal,
): Promise<Reached> {
  const { hostname, port, protocol, pathname } = new URL(target.url)
  const isTls = protocol === 'https:'
  const host = hostname.replace(/^\[|\]$/g, '')
  const base = pathname.replace(/\/$/, '')
  const steps: Step[] = []
  const done = (step: Step): void => {
    steps.push(step)
  }
  const run = async (step: Step, code: string): Promise<string> => {
    onStep(step)
    const { stdout, stderr } = await repl.tryExec(code, { timeoutMs: 90_000, signal })
    if (stderr === '') return stdout.trim()
    throw stepError(step, stderr.split('\n').at(-1) ?? '', target, host)
  }

  await setClock(repl, target.nowMs, signal)
  const portNumber = Number(port || (isTls ? 443 : 80))
  const address = await run(
    'dns',
    `import socket\nA=socket.getaddrinfo(${text(host)},${portNumber})[0][-1]\nprint(A[0])`,
  )
  if (address !== host) done('dns')
  await run('tcp', 'k=socket.socket();k.settimeout(10)\ntry:k.connect(A)\nfinally:k.close()')
  done('tcp')
  await repl.exec(httpCode(host, `${host}${port ? `:${port}` : ''}`, isTls, target), { signal })
  if (isTls) {
    await run('tls', 'o().close()')
    done('tls')
  }
  const path = `${base}/api/v0/${encodeURIComponent(target.stream)}/schema`
  if ('sign' in target.login) {
    // A key signs each request: there is no login of its own, and what judges it has its own form
    // of error (timebase-webadmin 1.6).
    const headers = await target.login.sign(new URL(path, target.url))
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    await run(
      'login',
      `h=${text(lines.join(''))}\n${schemaCode(path)}\nif s!=200 and b'error_description'in d:${refusal}`,
    )
  } else {
    const { user, password } = target.login
    const form = new URLSearchParams({
      grant_type: 'password',
      username: user,
      password: password.reveal(),
    }).toString()
    await run('login', loginCode(`${base}/oauth/token`, form))
    await run('stream', schemaCode(path))
  }
  done('login')
  await run('stream', `if s!=200:${refusal}`)
  done('stream')
  onStep('clock')
  const timeServer = await findTimeServer(repl, target.ntpServers, signal)
  if (timeServer) done('clock')
  return { steps, address, timeServer }
}

/** Whether the board gets a TCP connection to a server. */
export async function canConnect(repl: Repl, url: string, signal?: AbortSignal): Promise<boolean> {
  const { hostname, port, protocol } = new URL(url)
  const number = Number(port || (protocol === 'https:' ? 443 : 80))
  const code = `import socket
k=socket.socket();k.settimeout(5)
try:k.connect(socket.getaddrinfo(${text(hostname)},${number})[0][-1]);print(1)
except OSError:pass
k.close()`
  return (await repl.exec(code, { timeoutMs: 30_000, signal })).trim() === '1'
}

/** UTC, as every record's: a station knows no time zone. */
async function setClock(repl: Repl, nowMs: number, signal?: AbortSignal): Promise<void> {
  const date = new Date(nowMs)
  const parts = [
    date.getUTCFullYear(),
    date.getUTCMonth() + 1,
    date.getUTCDate(),
    // MicroPython counts weekdays from Monday.
    (date.getUTCDay() + 6) % 7,
    date.getUTCHours(),
    date.getUTCMinutes(),
    date.getUTCSeconds(),
    0,
  ]
  await repl.exec(`import machine\nmachine.RTC().datetime((${parts.join(',')}))`, { signal })
}

/** A Python literal of a text; JSON's escapes are Python's. */
function text(value: string): string {
  return JSON.stringify(value)
}

// HTTP/1.0: no chunks, and the end of the body is the end of the connection. Of a body 4 KB count:
// a token has 1.4 KB, a refusal of 12 KB says nothing more than its status.
function httpCode(host: string, hostHeader: string, isTls: boolean, target: Target): string {
  const { insecure, rootDer } = target
  const context = !isTls
    ? 'X=None'
    : insecure
      ? 'import ssl\nX=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT);X.verify_mode=ssl.CERT_NONE'
      : `import ssl,binascii
X=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT);X.verify_mode=ssl.CERT_REQUIRED
X.load_verify_locations(cadata=binascii.a2b_base64(b'${Buffer.from(rootDer ?? []).toString('base64')}'))`
  return `${context}
def o():
 k=socket.socket();k.settimeout(20);k.connect(A)
 return X.wrap_socket(k,server_hostname=${text(host)})if X else k
def q(m,p,h,b=''):
 k=o()
 try:
  k.write('%s %s HTTP/1.0\\r\\nHost: ${hostHeader}\\r\\nConnection: close\\r\\n%sContent-Length: %d\\r\\n\\r\\n%s'%(m,p,h,len(b),b))
  s=int(k.readline().split()[1])
  while k.readline()not in(b'\\r\\n',b''):pass
  d=b''
  while len(d)<4096:
   c=k.read(512)
   if not c:break
   d+=c
  return s,d
 finally:k.close()`
}

// WebAdmin's versions differ in the status for an unknown stream, not in the words.
const refusal = "raise OSError('status %d'%(404 if b'nknown stream'in d else s))"

/** Asks with the headers `h`; `s` is the answer's status. */
function schemaCode(path: string): string {
  return `s,d=q('GET',${text(path)},h)`
}

/** Signs in; `h` is the header that later requests carry. */
function loginCode(path: string, form: string): string {
  const headers = `Authorization: Basic ${Buffer.from('web:secret').toString('base64')}\r\nContent-Type: application/x-www-form-urlencoded\r\n`
  return `import json
s,d=q('POST',${text(path)},${text(headers)},${text(form)})
if s!=200:${refusal}
h='Authorization: Bearer '+json.loads(d)['access_token']+'\\r\\n'`
}

async function findTimeServer(
  repl: Repl,
  servers: string[],
  signal?: AbortSignal,
): Promise<string | undefined> {
  const code = `import ntptime
for h in [${servers.map(text).join(',')}]:
 ntptime.host=h;ntptime.timeout=3
 for i in range(2):
  try:ntptime.settime();print(h);break
  except Exception:pass
 else:continue
 break`
  const { stdout } = await repl.tryExec(code, { timeoutMs: 60_000, signal })
  return stdout.trim() || undefined
}

function stepError(step: Step, last: string, target: Target, host: string): WxError {
  const details = { step, url: target.url, answer: last, from: 'board' }
  const fail = (code: ErrorCode, message: string, hint?: string): WxError =>
    new WxError(code, message, { details, ...(hint && { hint }) })
  const status = Number(/status (\d+)/.exec(last)?.[1] ?? 0)
  if (step === 'dns')
    return fail(
      'NETWORK_UNREACHABLE',
      `The board cannot find "${host}": its network does not know that name.`,
      'Give an IP address with --board-url, or a name that the Wi-Fi network knows.',
    )
  if (step === 'tcp')
    return fail(
      'NETWORK_UNREACHABLE',
      `The board gets no connection to ${target.url}: ${socketReason(last)}.`,
      'A firewall, another subnet or a guest network may be between them; give the right address with --board-url.',
    )
  if (step === 'tls')
    return fail(
      'NETWORK_UNREACHABLE',
      `The board does not trust ${target.url}: ${last.replace(/^\w+: /, '')}.`,
      /Common Name/.test(last)
        ? 'Give the name that its certificate carries with --board-url: a board does not compare IP addresses.'
        : 'Give the certificate that signed the server with --ca, or accept any with --insecure.',
    )
  if (step === 'login') {
    if (status === 400 || status === 401)
      return fail('LOGIN_REFUSED', `${target.url} refuses the station's login.`)
    return fail(
      'NOT_WEBADMIN',
      `${target.url} does not answer the board as WebAdmin does: ${last}.`,
    )
  }
  if (status === 404) return fail('STREAM_UNKNOWN', `There is no stream "${target.stream}".`)
  if (status === 403) return fail('ACCESS_DENIED', `The station may not read "${target.stream}".`)
  return fail('TIMEBASE_REFUSED', `${target.url} refused the board's request: ${last}.`)
}

/** lwIP's errno, as recorded on a chip: refused is 104 there, not 111. */
function socketReason(last: string): string {
  if (/\b104\b|ECONNRESET/.test(last)) return 'the connection was refused'
  if (/\b11[036]\b|ETIMEDOUT|ECONNABORTED|EINPROGRESS|\b119\b/.test(last)) return 'nothing answers'
  if (/\b118\b|EHOSTUNREACH/.test(last)) return 'there is no way to that address'
  return last
}
