import { X509Certificate } from 'node:crypto'

/** mbedtls' words for what is wrong with a certificate, in the order of its flags. */
const faults = [
  ['expired', 'The certificate validity has expired'],
  ['name', 'The certificate Common Name (CN) does not match with the expected CN'],
  ['trust', 'The certificate is not correctly signed by the trusted CA'],
  ['future', 'The certificate validity starts in the future'],
] as const

export interface Trust {
  /** PEM text or DER, base64. */
  ca: string[]
  host: string
  /** The board's clock, milliseconds since 1970. */
  now: number
}

/** Reads what `load_verify_locations(cadata=…)` takes; undefined where it is no certificate. */
export function readCertificate(bytes: Uint8Array): X509Certificate | undefined {
  try {
    return new X509Certificate(bytes)
  } catch {
    return undefined
  }
}

/** mbedtls' text of everything that is wrong, or undefined where the chain is trusted. */
export function judge(chain: Uint8Array[], trust: Trust): string | undefined {
  const certificates = chain.map((der) => new X509Certificate(der))
  const anchors = trust.ca
    .map((text) => readCertificate(Buffer.from(text, 'base64')))
    .filter((one) => one !== undefined)
  const [leaf] = certificates
  if (!leaf) return text(new Set(['trust']))
  const found = new Set<string>()
  const path = pathOf(leaf, certificates, anchors)
  if (!path) found.add('trust')
  for (const one of path ?? [leaf]) {
    if (Date.parse(one.validTo) < trust.now) found.add('expired')
    if (Date.parse(one.validFrom) > trust.now) found.add('future')
  }
  // Addresses in a certificate are not looked at by this version of mbedtls.
  const isAddress = /^[\d.]+$/.test(trust.host)
  if (isAddress || leaf.checkHost(trust.host) === undefined) found.add('name')
  return found.size > 0 ? text(found) : undefined
}

function text(found: Set<string>): string {
  return faults
    .filter(([key]) => found.has(key))
    .map(([, words]) => `\n${words}\n`)
    .join('')
}

/** From the leaf to one of the anchors; undefined where there is no way. */
function pathOf(
  leaf: X509Certificate,
  chain: X509Certificate[],
  anchors: X509Certificate[],
): X509Certificate[] | undefined {
  const path = [leaf]
  for (let one = leaf; path.length <= 10; ) {
    if (anchors.some((anchor) => anchor.raw.equals(one.raw))) return path
    const anchor = anchors.find((other) => signs(other, one))
    if (anchor) return [...path, anchor]
    const next = chain.find((other) => !path.includes(other) && signs(other, one))
    if (!next) return undefined
    path.push(next)
    one = next
  }
  return undefined
}

function signs(issuer: X509Certificate, subject: X509Certificate): boolean {
  return subject.checkIssued(issuer) && subject.verify(issuer.publicKey)
}
