import { WxError } from '../errors.js'
import { Secret } from '../secret.js'
import { type Rule, stationRules } from './rules.js'

export interface Network {
  ssid: string
  password: Secret
}

export type StationValue = string | number | boolean | Secret | string[] | Network[]

/** A station's settings by name; what is absent has its default. */
export type StationSettings = { [name: string]: StationValue }

/** Reads a station.json; throws SETTINGS_INVALID for anything that is none. */
export function parseStation(text: string, from: string): StationSettings {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // The parser's own message quotes the text, and the text holds secrets.
    throw new WxError('SETTINGS_INVALID', `${from} is not valid JSON.`, {
      hint: 'Mend or remove the file.',
    })
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new WxError('SETTINGS_INVALID', `${from} must hold one JSON object.`, {
      hint: 'Mend or remove the file.',
    })
  }
  const settings: StationSettings = {}
  for (const [name, raw] of Object.entries(value)) settings[name] = wrapped(name, raw)
  return settings
}

function wrapped(name: string, raw: unknown): StationValue {
  const kind = stationRules[name]?.kind
  if (kind === 'secret') return secretOf(raw)
  if (kind === 'networks' && Array.isArray(raw)) {
    return raw.map((one: { ssid?: unknown; password?: unknown } | null) => ({
      ssid: String(one?.ssid ?? ''),
      password: secretOf(one?.password),
    }))
  }
  return raw as StationValue
}

/** What is no text is left for the check to refuse, as the board does. */
function secretOf(raw: unknown): Secret {
  return typeof raw === 'string' || raw == null ? new Secret(raw ?? '') : (raw as Secret)
}

/** All that is wrong with the settings, each as one sentence; empty when a station can run on them. */
export function stationFaults(settings: StationSettings): string[] {
  const faults = Object.entries(settings).flatMap(([name, value]) => ownFaults(name, value))
  const whole = (name: string): unknown => settings[name] ?? stationRules[name]?.default
  return [...faults, ...pairFaults(whole)]
}

/** What is wrong with one setting, whatever the others are. */
function ownFaults(name: string, value: StationValue): string[] {
  const rule = stationRules[name]
  if (!rule) return [`"${name}" is no setting of a station.`]
  const faults = valueFaults(name, value, rule)
  if (name === 'timebase_url' && typeof value === 'string' && value !== '' && isLocalhost(value))
    faults.push(`"timebase_url" is ${value}: for a board that is the board itself.`)
  // The board writes it into its JSON as it is.
  if (name === 'symbol' && typeof value === 'string' && /["\\\p{Cc}]/u.test(value))
    faults.push('"symbol" must hold no quotes, backslashes or control characters.')
  return faults
}

/** What is wrong between two settings; an undefined one is not known and fits. */
function pairFaults(setting: (name: string) => unknown): string[] {
  const faults: string[] = []
  const pin = setting('scl')
  if (pin !== undefined && pin === setting('sda')) faults.push('"scl" and "sda" must be two pins.')
  if (Number(setting('upload_interval')) < Number(setting('sample_interval')))
    faults.push('"upload_interval" must not be below "sample_interval".')
  return faults
}

/** Throws SETTINGS_INVALID with everything that is wrong, before a board is touched. */
export function checkStation(settings: StationSettings): void {
  refuse(stationFaults(settings))
}

/** The same for a part of the settings: what else the board has is not known yet. */
export function checkPart(settings: StationSettings): void {
  const faults = Object.entries(settings).flatMap(([name, value]) => ownFaults(name, value))
  refuse([...faults, ...pairFaults((name) => settings[name])])
}

/**
 * A station.json as its board reads it: names it does not know and values beyond their limits are
 * passed over there, so that nothing is lost where they are left out. Of networks the sound ones stay.
 */
export function soundSettings(settings: StationSettings): {
  settings: StationSettings
  ignored: string[]
} {
  const sound: StationSettings = {}
  const ignored: string[] = []
  for (const [name, value] of Object.entries(settings)) {
    if (ownFaults(name, value).length === 0) sound[name] = value
    else ignored.push(name)
    if (name === 'networks' && ignored.includes(name) && Array.isArray(value))
      sound[name] = (value as Network[]).filter((one) => ownFaults(name, [one]).length === 0)
  }
  return { settings: sound, ignored }
}

function refuse(faults: string[]): void {
  if (faults.length === 0) return
  throw new WxError('SETTINGS_INVALID', faults.join('\n  '), {
    hint: 'Each limit has its reason in firmware/micropython/config.py.',
    details: { faults },
  })
}

function valueFaults(name: string, value: StationValue, rule: Rule): string[] {
  const { min = 0, max = Number.POSITIVE_INFINITY, unit = '' } = rule
  switch (rule.kind) {
    case 'number':
      // The board takes whole numbers only, and keeps its default for anything else.
      if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max)
        return [
          `"${name}" must be a whole number from ${min} to ${max}${unit && ` ${unit}`}, not ${JSON.stringify(value)}.`,
        ]
      return []
    case 'choice':
      if (typeof value !== 'string' || !rule.choices?.includes(value))
        return [`"${name}" must be one of ${rule.choices?.join(', ')}.`]
      return []
    case 'text':
      if (typeof value !== 'string' || byteLength(value) < min || byteLength(value) > max)
        return [`"${name}" must be a text of ${min} to ${max} bytes.`]
      return []
    case 'secret': {
      if (name === 'api_secret' && value instanceof Secret && value.reveal().includes('-----BEGIN'))
        return [
          '"api_secret" (timebase.apiSecret) is a private key: a station signs with the secret of a basic API key.',
        ]
      const size = value instanceof Secret ? byteLength(value.reveal()) : -1
      // An empty secret is one that is not used.
      if (size !== 0 && (size < (rule.least ?? min) || size > max))
        return [`"${name}" must have ${rule.least ?? min} to ${max} characters.`]
      return []
    }
    case 'texts':
      if (!isTexts(value) || value.includes('') || value.length < min || value.length > max)
        return [`"${name}" must be a list of ${min} to ${max} texts.`]
      return []
    case 'networks':
      return networkFaults(name, value, max)
  }
}

function isTexts(value: StationValue): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string')
}

function networkFaults(name: string, value: StationValue, max: number): string[] {
  if (!Array.isArray(value) || value.length > max)
    return [`"${name}" must be a list of at most ${max} networks.`]
  return (value as Network[]).flatMap(({ ssid, password }) => {
    const faults: string[] = []
    // IEEE 802.11: a name has 1 to 32 bytes; WPA: a passphrase 8 to 63, or 64 hex digits.
    if (ssid === '' || byteLength(ssid) > 32)
      faults.push(`The network name "${ssid}" must have 1 to 32 bytes.`)
    const size = password instanceof Secret ? byteLength(password.reveal()) : -1
    if (size !== 0 && (size < 8 || size > 64))
      faults.push(`The password of "${ssid}" must have 8 to 63 characters.`)
    return faults
  })
}

function byteLength(text: string): number {
  return Buffer.byteLength(text, 'utf8')
}

/** Whether a URL names the machine that reads it: right for a computer, wrong for a board. */
export function isLocalhost(url: string): boolean {
  const host = /^[a-z]+:\/\/(\[[^\]]+\]|[^:/]+)/i.exec(url)?.[1] ?? ''
  return /^(localhost|127\..*|0\.0\.0\.0|\[::1\]|\[::\])$/i.test(host)
}

/** The file as the board reads it, in the table's order: the same settings give the same bytes. */
export function stationText(settings: StationSettings): string {
  const lines = Object.keys(stationRules)
    .filter((name) => settings[name] !== undefined)
    .map((name) => `${JSON.stringify(name)}: ${JSON.stringify(plain(settings[name]))}`)
  return `{${lines.join(',\n ')}}\n`
}

function plain(value: StationValue | undefined): unknown {
  if (value instanceof Secret) return value.reveal()
  if (!Array.isArray(value)) return value
  return value.map((one) =>
    typeof one === 'string' ? one : { ssid: one.ssid, password: one.password.reveal() },
  )
}

export interface SettingChange {
  name: string
  from: string
  to: string
}

/** What differs, in words that can be printed: secrets are dots on both sides. */
export function settingChanges(before: StationSettings, after: StationSettings): SettingChange[] {
  const text = (value: StationValue | undefined): string | undefined => JSON.stringify(plain(value))
  return Object.keys(stationRules)
    .filter((name) => text(before[name]) !== text(after[name]))
    .map((name) => ({ name, from: shown(before[name]), to: shown(after[name]) }))
}

/** The same against a station that runs: what it was never told shows its default. */
export function runningChanges(before: StationSettings, after: StationSettings): SettingChange[] {
  return settingChanges(before, after).map(({ name, from, to }) => ({
    name,
    from: from || defaultText(name),
    to: to || defaultText(name),
  }))
}

function defaultText(name: string): string {
  const text = String(stationRules[name]?.default ?? '')
  return text === '' ? '(none)' : `${text} (default)`
}

function shown(value: StationValue | undefined): string {
  if (value === undefined) return ''
  if (value instanceof Secret) return value.isEmpty ? '' : String(value)
  if (!Array.isArray(value)) return String(value)
  return value
    .map((one) =>
      typeof one === 'string'
        ? one
        : `${one.ssid} ${one.password.isEmpty ? '(open)' : one.password}`,
    )
    .join(', ')
}

/** The symbol a board gives itself: `esp` and the last six hex digits of its MAC. */
export function symbolOf(settings: StationSettings, mac: string): string {
  const wish = settings.symbol ?? ''
  const digits = mac.replaceAll(':', '').toLowerCase()
  if (wish === '') return `esp${digits.slice(-6)}`
  return wish === 'mac4' ? `esp${digits.slice(0, 4)}` : String(wish)
}
