import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'

export interface Certificate {
  name: string
  key: KeyObject
  der: Buffer
  pem: string
  keyPem: string
}

export interface CertificateOptions {
  name: string
  from: Date
  to: Date
  kind?: 'p-256' | 'rsa'
  /** None = self-signed. */
  issuer?: Certificate
  isAuthority?: boolean
}

/** An X.509 v3 certificate with its key (RFC 5280), so that tests need no program for it. */
export function makeCertificate(options: CertificateOptions): Certificate {
  const { name, from, to, issuer } = options
  const { publicKey, privateKey } =
    options.kind === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const signer = issuer?.key ?? privateKey
  const algorithm = signer.asymmetricKeyType === 'rsa' ? rsaWithSha256 : ecdsaWithSha256
  const body = sequence(
    tagged(0xa0, integer(Buffer.of(2))),
    integer(Buffer.concat([Buffer.of(1), randomBytes(8)])),
    algorithm,
    commonName(issuer?.name ?? name),
    sequence(time(from), time(to)),
    commonName(name),
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(0xa3, sequence(...extensions(name, options.isAuthority ?? false))),
  )
  const der = sequence(body, algorithm, bits(sign('sha256', body, signer)))
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  const pem = ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
  const keyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  return { name, key: privateKey, der, pem, keyPem }
}

function tagged(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const size =
    length < 128
      ? Buffer.of(length)
      : length < 256
        ? Buffer.of(0x81, length)
        : Buffer.of(0x82, length >> 8, length & 255)
  return Buffer.concat([Buffer.of(tag), size, content])
}

const sequence = (...parts: Buffer[]): Buffer => tagged(0x30, ...parts)
const integer = (value: Buffer): Buffer => tagged(0x02, value)
const bits = (value: Buffer): Buffer => tagged(0x03, Buffer.of(0), value)
const octets = (value: Buffer): Buffer => tagged(0x04, value)
const identifier = (hex: string): Buffer => tagged(0x06, Buffer.from(hex, 'hex'))

// 1.2.840.10045.4.3.2 and 1.2.840.113549.1.1.11
const ecdsaWithSha256 = sequence(identifier('2a8648ce3d040302'))
const rsaWithSha256 = sequence(identifier('2a864886f70d01010b'), tagged(0x05))

function commonName(name: string): Buffer {
  return sequence(tagged(0x31, sequence(identifier('550403'), tagged(0x0c, Buffer.from(name)))))
}

/** GeneralizedTime. RFC 5280 wants UTCTime up to 2049; the readers here take both. */
function time(date: Date): Buffer {
  const text = `${date.toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`
  return date.getUTCFullYear() < 2050
    ? tagged(0x17, Buffer.from(text.slice(2)))
    : tagged(0x18, Buffer.from(text))
}

function extensions(name: string, isAuthority: boolean): Buffer[] {
  const yes = tagged(0x01, Buffer.of(0xff))
  const constraints = sequence(...(isAuthority ? [yes] : []))
  return [
    sequence(identifier('551d13'), yes, octets(constraints)),
    sequence(identifier('551d11'), octets(sequence(tagged(0x82, Buffer.from(name))))),
  ]
}
