import type { Repl } from '../device/repl.js'
import { WxError } from '../errors.js'
import { Secret } from '../secret.js'
import { boardUrls } from '../station/address.js'
import { isLocalhost, type Network, type StationSettings } from '../station/config.js'
import { canConnect, reachTimebase, type Target } from '../station/reach.js'
import { stationRules } from '../station/rules.js'
import type { Root } from '../station/trust.js'
import { type Joined, joinWifi, type SeenNetwork } from '../station/wifi.js'
import { apiKeyAuth } from '../timebase/auth/api-key.js'
import type { Context } from './context.js'
import { askPassword } from './network-choice.js'

/** Joins on the board; a wrong password is asked for again, without redoing the rest. */
export async function joinNetwork(
  { report, signal, prompts, system }: Context,
  repl: Repl,
  network: Network,
  seen: SeenNetwork[],
): Promise<Joined> {
  while (true) {
    const startedMs = system.clock.monotonic()
    report({ type: 'stage', stage: 'wifi' })
    const stop = ticking(system.clock, (elapsedMs) =>
      report({ type: 'waiting', stage: 'wifi', reason: 'wifi-join', elapsedMs }),
    )
    try {
      const found = seen.find(({ ssid }) => ssid === network.ssid)
      const joined = await joinWifi(repl, network, found, signal)
      const values = { ssid: joined.ssid, address: joined.address, rssiDbm: joined.rssiDbm }
      const elapsedMs = system.clock.monotonic() - startedMs
      report({ type: 'done', stage: 'wifi', elapsedMs, values })
      return joined
    } catch (error) {
      // A line that ticks would hide the question.
      stop()
      const isWrong = error instanceof WxError && error.code === 'WIFI_WRONG_PASSWORD'
      if (!isWrong || !prompts.canAsk) throw error
      report({ type: 'notice', notice: 'wrong-password', values: { ssid: network.ssid } })
      network.password = await askPassword(prompts, network.ssid)
    } finally {
      stop()
    }
  }
}

/** The first of this computer's addresses that the board gets a connection to. */
export async function urlForBoard(
  { settings, system, signal, report }: Context,
  repl: Repl,
  joined: Joined,
): Promise<string> {
  const url = settings.get('timebase.boardUrl') ?? settings.get('timebase.url') ?? ''
  if (!isLocalhost(url)) return url
  const candidates = boardUrls(url, joined, system.host.addresses())
  for (const candidate of candidates) {
    if (!(await canConnect(repl, candidate, signal))) continue
    report({ type: 'notice', notice: 'board-url', values: { url: candidate } })
    return candidate
  }
  throw new WxError(
    'NETWORK_UNREACHABLE',
    `The board reaches this computer under none of its addresses (${candidates.join(', ') || 'it has none'}).`,
    {
      hint: 'Put board and computer into one network, or give the right address with --board-url.',
      details: { candidates, boardAddress: joined.address },
    },
  )
}

/** The way from the board to TimeBase, step by step; throws the step that fails. */
export async function reachFromBoard(
  { report, signal, system }: Context,
  repl: Repl,
  settings: StationSettings,
  root: Root | undefined,
): Promise<void> {
  const startedMs = system.clock.monotonic()
  const elapsed = (): number => system.clock.monotonic() - startedMs
  let now = 'dns'
  const stop = ticking(system.clock, (elapsedMs) =>
    report({ type: 'waiting', stage: 'timebase', reason: `step-${now}`, elapsedMs }),
  )
  const stream = String(settings.stream)
  const ntpServers = (settings.ntp_servers ?? stationRules.ntp_servers?.default) as string[]
  const reached = await reachTimebase(
    repl,
    {
      url: String(settings.timebase_url),
      stream,
      login: loginOf(settings, system),
      rootDer: root?.der,
      insecure: settings.tls === 'insecure',
      ntpServers,
      nowMs: system.clock.now(),
    },
    (step) => {
      now = step
    },
    signal,
  ).finally(stop)
  const values = { steps: reached.steps.join(' '), stream, ...(root && { root: root.name }) }
  report({ type: 'done', stage: 'timebase', elapsedMs: elapsed(), values })
  if (!reached.timeServer) {
    const values = { servers: ntpServers.join(', ') }
    report({ type: 'notice', notice: 'no-time-server', values })
  }
}

/** A user's name and password, or what signs a request: a key's secret need not go to the prompt. */
function loginOf(settings: StationSettings, system: Context['system']): Target['login'] {
  const secret = (name: string): Secret => {
    const value = settings[name]
    return value instanceof Secret ? value : new Secret('')
  }
  if (settings.auth !== 'api-key')
    return { user: String(settings.username), password: secret('password') }
  const key = { name: String(settings.api_key), secret: secret('api_secret') }
  const { headers } = apiKeyAuth(key, system)
  return { sign: (url) => headers({ method: 'GET', url, body: '' }) }
}

/** Calls `fn` each second, from the second one on, with the time since the start. */
function ticking(clock: Context['system']['clock'], fn: (elapsedMs: number) => void): () => void {
  const startedMs = clock.monotonic()
  let cancel = (): void => {}
  const tick = (): void => {
    fn(clock.monotonic() - startedMs)
    cancel = clock.timer(1000, tick)
  }
  // What takes less than two seconds needs no words.
  cancel = clock.timer(2000, tick)
  return () => cancel()
}
