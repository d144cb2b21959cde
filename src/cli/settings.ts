import { dirname, join } from 'node:path'
import { WxError } from '../errors.js'
import { Secret } from '../secret.js'
import type { System } from '../system.js'

export type Origin = 'flag' | 'environment' | 'project file' | 'user file' | 'default'

interface SettingKind {
  env: string
  about: string
  default?: string
  secret?: true
}

/** Every setting of the tool itself (a station's own settings are in station/config). */
export const settingTable = {
  port: { env: 'WXSTATION_PORT', about: 'board to use: path, id:…, socket://…, rfc2217://…' },
  patience: {
    env: 'WXSTATION_PATIENCE',
    about: 'factor on every deadline of a board, for slow or emulated ones',
    default: '1',
  },
  'wifi.ssid': { env: 'WXSTATION_WIFI_SSID', about: 'Wi-Fi network a station joins' },
  'wifi.password': {
    env: 'WXSTATION_WIFI_PASSWORD',
    about: 'password of that network; empty: an open one',
    secret: true,
  },
  'webrepl.password': {
    env: 'WXSTATION_WEBREPL_PASSWORD',
    about: 'WebREPL password of a station, for --host',
    secret: true,
  },
  'station.name': { env: 'WXSTATION_STATION_NAME', about: 'name of the station for people' },
  'station.symbol': { env: 'WXSTATION_STATION_SYMBOL', about: 'name of the station in the stream' },
  'station.latitude': { env: 'WXSTATION_STATION_LATITUDE', about: 'where it stands, in degrees' },
  'station.longitude': { env: 'WXSTATION_STATION_LONGITUDE', about: 'where it stands, in degrees' },
  'station.height': {
    env: 'WXSTATION_STATION_HEIGHT',
    about: 'height above sea level, in meters',
  },
  ntp: { env: 'WXSTATION_NTP', about: 'time servers of a station, separated by commas' },
  'firmware.mirror': {
    env: 'WXSTATION_FIRMWARE_MIRROR',
    about: 'address of a folder with catalog.json and images to use instead of the publishers',
  },
  'timebase.url': { env: 'WXSTATION_TIMEBASE_URL', about: 'WebAdmin as this computer reaches it' },
  'timebase.boardUrl': {
    env: 'WXSTATION_TIMEBASE_BOARD_URL',
    about: 'WebAdmin as a board reaches it, where that differs',
  },
  'timebase.user': { env: 'WXSTATION_TIMEBASE_USER', about: 'user to sign in as' },
  'timebase.password': {
    env: 'WXSTATION_TIMEBASE_PASSWORD',
    about: 'password of that user',
    secret: true,
  },
  'timebase.token': {
    env: 'WXSTATION_TIMEBASE_TOKEN',
    about: 'ready access token to use instead of a login',
    secret: true,
  },
  'timebase.apiKey': { env: 'WXSTATION_TIMEBASE_API_KEY', about: 'name of an API key' },
  'timebase.apiSecret': {
    env: 'WXSTATION_TIMEBASE_API_SECRET',
    about: 'secret of that API key, or its RSA private key (PEM) for session keys',
    secret: true,
  },
  'timebase.ca': {
    env: 'WXSTATION_TIMEBASE_CA',
    about: 'file with certificates (PEM) to trust besides the usual ones',
  },
  'timebase.insecure': {
    env: 'WXSTATION_TIMEBASE_INSECURE',
    about: 'yes: do not verify the certificate of WebAdmin',
  },
  profile: { env: 'WXSTATION_PROFILE', about: 'login to use, of those `wxstation login` made' },
  statusStream: {
    env: 'WXSTATION_STATUS_STREAM',
    about: 'stream of the state of stations',
    default: 'station_status',
  },
  stream: {
    env: 'WXSTATION_STREAM',
    about: 'stream of weather records',
    default: 'weather_record',
  },
} as const satisfies Record<string, SettingKind>

export type SettingKey = keyof typeof settingTable

export interface Setting {
  key: SettingKey
  value: string | Secret
  origin: Origin
  /** The file it was read from, or the variable. */
  from?: string
}

export interface Settings {
  get(key: SettingKey): string | undefined
  secret(key: SettingKey): Secret | undefined
  all(): Setting[]
  /** The same with flags on top: an undefined flag is no flag. */
  with(flags: Partial<Record<SettingKey, string | undefined>>): Settings
}

const projectFile = 'wxstation.json'

/** Reads the layers below the flags: environment, project file (searched upwards), user file, defaults. */
export async function loadSettings(system: System, explicitFile?: string): Promise<Settings> {
  const layers: Map<SettingKey, Setting>[] = [environmentLayer(system.env)]
  const project = explicitFile ?? (await findUpwards(system))
  if (project)
    layers.push(await fileLayer(system, project, 'project file', explicitFile !== undefined))
  layers.push(
    await fileLayer(system, join(system.folders.config, 'settings.json'), 'user file', false),
  )
  return layered(layers)
}

function layered(layers: Map<SettingKey, Setting>[]): Settings {
  const find = (key: SettingKey): Setting | undefined => {
    for (const layer of layers) {
      const setting = layer.get(key)
      if (setting) return setting
    }
    const kind: SettingKind = settingTable[key]
    return kind.default === undefined ? undefined : { key, value: kind.default, origin: 'default' }
  }
  return {
    get(key) {
      const value = find(key)?.value
      return value instanceof Secret ? value.reveal() : value
    },
    secret(key) {
      const value = find(key)?.value
      return typeof value === 'string' ? new Secret(value) : value
    },
    all: () => keys().flatMap((key) => find(key) ?? []),
    with(flags) {
      const layer = new Map<SettingKey, Setting>()
      for (const key of keys()) {
        const value = flags[key]
        if (value !== undefined) layer.set(key, { key, value: wrapped(key, value), origin: 'flag' })
      }
      return layered([layer, ...layers])
    },
  }
}

function keys(): SettingKey[] {
  return Object.keys(settingTable) as SettingKey[]
}

function wrapped(key: SettingKey, value: string): string | Secret {
  const kind: SettingKind = settingTable[key]
  return kind.secret ? new Secret(value) : value
}

function environmentLayer(env: System['env']): Map<SettingKey, Setting> {
  const layer = new Map<SettingKey, Setting>()
  for (const key of keys()) {
    const from = settingTable[key].env
    const value = env[from]
    if (value) layer.set(key, { key, value: wrapped(key, value), origin: 'environment', from })
  }
  return layer
}

async function findUpwards(system: System): Promise<string | undefined> {
  for (let folder = system.cwd; ; folder = dirname(folder)) {
    const path = join(folder, projectFile)
    if (await system.files.stat(path)) return path
    if (dirname(folder) === folder) return undefined
  }
}

async function fileLayer(
  system: System,
  path: string,
  origin: Origin,
  mustExist: boolean,
): Promise<Map<SettingKey, Setting>> {
  const layer = new Map<SettingKey, Setting>()
  const text = await system.files.readText(path)
  if (text === undefined) {
    if (mustExist) throw new WxError('SETTINGS_INVALID', `There is no settings file ${path}.`)
    return layer
  }
  for (const [key, value] of flattened(parsed(text, path), '')) {
    if (!(key in settingTable)) {
      throw new WxError('SETTINGS_INVALID', `${path} holds the unknown setting "${key}".`, {
        hint: `Did you mean "${nearest(key)}"?`,
        details: { file: path, key },
      })
    }
    if (typeof value !== 'string') {
      throw new WxError('SETTINGS_INVALID', `${path}: "${key}" must be a text.`, {
        details: { file: path, key },
      })
    }
    const known = key as SettingKey
    layer.set(known, { key: known, value: wrapped(known, value), origin, from: path })
  }
  return layer
}

function parsed(text: string, path: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    if (value !== null && typeof value === 'object' && !Array.isArray(value))
      return value as Record<string, unknown>
  } catch (cause) {
    throw new WxError('SETTINGS_INVALID', `${path} is not valid JSON.`, {
      cause,
      hint: 'Mend or remove the file.',
    })
  }
  throw new WxError('SETTINGS_INVALID', `${path} must hold one JSON object.`, {
    hint: 'Mend or remove the file.',
  })
}

/** {"timebase": {"url": …}} and {"timebase.url": …} mean the same. */
function flattened(value: Record<string, unknown>, prefix: string): [string, unknown][] {
  return Object.entries(value).flatMap(([name, inner]) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? flattened(inner as Record<string, unknown>, `${prefix}${name}.`)
      : [[`${prefix}${name}`, inner] as [string, unknown]],
  )
}

function nearest(key: string): string {
  const distance = (a: string, b: string): number => {
    let row = Array.from({ length: b.length + 1 }, (_, i) => i)
    for (let i = 1; i <= a.length; i++) {
      const next = [i]
      for (let j = 1; j <= b.length; j++) {
        const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
        next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
      }
      row = next
    }
    return row[b.length] ?? 0
  }
  return keys().reduce((best, one) => (distance(key, one) < distance(key, best) ? one : best))
}
