import type { Repl } from '../device/repl.js'
import { WxError } from '../errors.js'
import { Secret } from '../secret.js'
import { type Network, stationFaults } from '../station/config.js'
import { type SeenNetwork, scanWifi } from '../station/wifi.js'
import type { Context } from './context.js'
import type { Prompts } from './prompts.js'
import { networkLine } from './render/provision.js'
import { secretFromStdin } from './stdin.js'

export interface NetworkFlags {
  passwordStdin?: true
  passwordFile?: string
  /** Known already: boards side by side share one answer. */
  wifiPassword?: Secret
}

const another = Symbol('another')
const rescan = Symbol('rescan')
export const ssidInstead = { flag: '--ssid', env: 'WXSTATION_WIFI_SSID' }
export const passwordInstead = {
  flag: '--password-stdin or --password-file',
  env: 'WXSTATION_WIFI_PASSWORD',
}

/** The network to join: from flags and settings, else chosen from the board's own scan. */
export async function chooseNetwork(
  context: Context,
  flags: NetworkFlags,
  repl: Repl,
): Promise<{ network: Network; seen: SeenNetwork[] }> {
  const { settings, prompts } = context
  const ssid = settings.get('wifi.ssid')
  if (ssid !== undefined)
    return { network: { ssid, password: await wifiPassword(context, flags, ssid) }, seen: [] }
  // Off a terminal nobody can choose: the missing answer is said before the board scans.
  if (!prompts.canAsk) await prompts.text('Wi-Fi network', ssidInstead)
  let warned = false
  while (true) {
    const seen = await scan(context, repl)
    const choice = await prompts.choose<string | symbol>(
      "Wi-Fi network  (the board's own scan; it hears 2.4 GHz only)",
      [
        ...seen.map((one) => ({ name: networkLine(one, seen), value: one.ssid })),
        { name: 'Rescan', value: rescan },
        { name: 'Another name…', value: another, description: 'a hidden network' },
      ],
      ssidInstead,
    )
    if (choice === rescan) {
      // Who looks twice misses a network: the likely reason is its band.
      if (!warned) context.report({ type: 'notice', notice: 'five-ghz' })
      warned = true
      continue
    }
    const name = typeof choice === 'string' ? choice : await askName(prompts)
    const open = seen.find((one) => one.ssid === name)?.security === 'open'
    const password = open ? new Secret('') : await wifiPassword(context, flags, name)
    return { network: { ssid: name, password }, seen }
  }
}

/** Where nobody can be asked, a missing answer is said before any board is touched. */
export async function checkAnswers(context: Context, flags: NetworkFlags): Promise<void> {
  const { prompts, settings, system } = context
  if (prompts.canAsk) return
  const ssid = settings.get('wifi.ssid') ?? (await prompts.text('Wi-Fi network', ssidInstead))
  const isGiven =
    flags.wifiPassword !== undefined ||
    flags.passwordFile !== undefined ||
    flags.passwordStdin === true ||
    system.env.WXSTATION_WIFI_PASSWORD === '' ||
    settings.secret('wifi.password') !== undefined
  if (!isGiven) await prompts.secret(`Password of ${ssid}`, passwordInstead)
}

/** Of several networks that a station knows, the one its board receives best. */
export async function strongestKnown(
  context: Context,
  repl: Repl,
  networks: Network[],
): Promise<Network | undefined> {
  if (networks.length < 2) return networks[0]
  const seen = await scan(context, repl)
  const known = seen.flatMap(({ ssid }) => networks.filter((one) => one.ssid === ssid))
  return known[0] ?? networks[0]
}

async function scan({ report, signal }: Context, repl: Repl): Promise<SeenNetwork[]> {
  report({ type: 'waiting', stage: 'wifi', reason: 'wifi-scan', elapsedMs: 0 })
  return scanWifi(repl, signal)
}

/** Never from the command line itself, where every user of the machine can read it. */
export async function wifiPassword(
  context: Context,
  flags: NetworkFlags,
  ssid: string,
): Promise<Secret> {
  const { system, settings, prompts } = context
  if (flags.wifiPassword) return flags.wifiPassword
  if (flags.passwordFile !== undefined) {
    const text = await system.files.readText(flags.passwordFile)
    if (text !== undefined) return new Secret(text.replace(/\r?\n$/, ''))
    throw new WxError('FILE_UNREADABLE', `There is no file ${flags.passwordFile}.`)
  }
  if (flags.passwordStdin)
    return secretFromStdin(context, '--password-stdin', `Password of ${ssid}`)
  // An empty variable says: an open network.
  if (system.env.WXSTATION_WIFI_PASSWORD === '') return new Secret('')
  return settings.secret('wifi.password') ?? (await askPassword(prompts, ssid))
}

/** A password that a network could have: whoever mistypes it is told before the board tries it. */
export function askPassword(prompts: Prompts, ssid: string): Promise<Secret> {
  return prompts.secret(`Password of ${ssid}`, passwordInstead, {
    check: (text) => faultOf({ ssid, password: new Secret(text) }),
  })
}

function askName(prompts: Prompts): Promise<string> {
  return prompts.text('Name', ssidInstead, {
    check: (ssid) => faultOf({ ssid, password: new Secret('') }),
  })
}

function faultOf(network: Network): string | true {
  return stationFaults({ networks: [network] })[0] ?? true
}
