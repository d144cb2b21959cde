import { X509Certificate } from 'node:crypto'
import { errnoOf, WxError } from '../errors.js'
import type { System } from '../system.js'

export interface Root {
  der: Uint8Array
  /** Its common name, for people. */
  name: string
}

/**
 * The one certificate a board needs to verify a server: the root that the server's chain leads to,
 * found among `ca` (PEM) or the computer's own. `urls` are addresses of the same server: the first
 * that speaks TLS here shows the chain. Throws NETWORK_UNREACHABLE where none does, TLS_UNTRUSTED
 * where nobody trusted has signed.
 */
export async function findRoot(
  urls: string[],
  ca: string | undefined,
  system: Pick<System, 'serverCertificates'>,
  signal?: AbortSignal,
): Promise<Root> {
  let fault: unknown
  for (const url of new Set(urls)) {
    const { hostname, port } = new URL(url)
    const host = hostname.replace(/^\[|\]$/g, '')
    let answer: { chain: Uint8Array[]; roots: string[] }
    try {
      answer = await system.serverCertificates({ host, port: Number(port || 443), signal })
    } catch (cause) {
      signal?.throwIfAborted()
      fault ??= cause
      continue
    }
    const root = rootOf(answer.chain, [...pemBlocks(ca ?? ''), ...answer.roots])
    if (root) return root
    throw new WxError('TLS_UNTRUSTED', `Nobody this computer trusts has signed ${url}.`, {
      hint: 'Give the certificate that signed it with --ca, or accept any with --insecure.',
    })
  }
  throw new WxError(
    'NETWORK_UNREACHABLE',
    `${urls[0]} does not speak TLS here: ${errnoOf(fault)}.`,
    {
      cause: fault,
      hint: 'Check the address; a server without certificate is http://, not https://.',
    },
  )
}

function pemBlocks(text: string): string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? []
}

/** Walks the chain up from the server's own certificate to one that is trusted. Pure. */
export function rootOf(chain: Uint8Array[], trusted: string[]): Root | undefined {
  const certificates = chain.map((der) => new X509Certificate(der))
  const roots = trusted.map((pem) => new X509Certificate(pem))
  for (const [i, certificate] of certificates.entries()) {
    const itself = roots.find((root) => root.fingerprint256 === certificate.fingerprint256)
    const issuer =
      itself ??
      roots.find((root) => certificate.checkIssued(root) && certificate.verify(root.publicKey))
    if (issuer) return { der: new Uint8Array(issuer.raw), name: nameOf(issuer) }
    // A chain in which one does not sign the next leads nowhere.
    const next = certificates[i + 1]
    if (next && !(certificate.checkIssued(next) && certificate.verify(next.publicKey))) return
  }
  return undefined
}

function nameOf({ subject }: X509Certificate): string {
  return /CN=(.+)/.exec(subject)?.[1] ?? /O=(.+)/.exec(subject)?.[1] ?? 'a certificate of its own'
}
