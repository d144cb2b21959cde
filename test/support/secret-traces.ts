import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** The ways in which a secret gets into a text: as it is, and as programs write it down. */
export function formsOf(secret: string): { [form: string]: string } {
  const bytes = Buffer.from(secret)
  const escaped = JSON.stringify(secret).slice(1, -1)
  const forms: { [form: string]: string } = {
    plain: secret,
    'JSON-escaped': escaped,
    'JSON in JSON': JSON.stringify(escaped).slice(1, -1),
    'URL-encoded': encodeURIComponent(secret),
    'form-encoded': new URLSearchParams({ a: secret }).toString().slice(2),
    hex: bytes.toString('hex'),
    HEX: bytes.toString('hex').toUpperCase(),
    'latin1 of its bytes': bytes.toString('latin1'),
  }
  // Within a longer text base64 has one of three forms; what depends on the neighbors is cut off.
  for (const shift of [0, 1, 2]) {
    const inner = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64')
    const kept = inner.replace(/=+$/, '')
    const end = (bytes.length + shift) % 3 === 0 ? kept.length : kept.length - 1
    const cut = kept.slice(shift === 0 ? 0 : shift + 1, end)
    forms[`base64 at ${shift}`] = cut
    forms[`base64url at ${shift}`] = cut.replaceAll('+', '-').replaceAll('/', '_')
  }
  return forms
}

/** Every secret that is in the text, with the form it has there. */
export function tracesIn(text: string, secrets: { [name: string]: string }): string[] {
  return Object.entries(secrets).flatMap(([name, secret]) =>
    Object.entries(formsOf(secret))
      .filter(([, form]) => text.includes(form))
      .map(([form]) => `${name} (${form})`),
  )
}

/** All files below a folder. */
export function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
}

/** The command lines of a process and of all that it started, as any user of the machine sees them. */
export function commandLines(pid: number): string[] {
  try {
    const own = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')
    return [
      own,
      ...children.filter((one) => one !== '').flatMap((one) => commandLines(Number(one))),
    ]
  } catch {
    // It has ended meanwhile.
    return []
  }
}
