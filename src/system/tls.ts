import { readFileSync } from 'node:fs'
import { connect, rootCertificates } from 'node:tls'
import type { System } from '../system.js'

export const nodeServerCertificates: System['serverCertificates'] = ({ host, port, signal }) =>
  new Promise((resolve, reject) => {
    // Nothing is trusted or sent here: the certificates themselves are what is asked for.
    const socket = connect({
      host,
      port,
      rejectUnauthorized: false,
      timeout: 15_000,
      ...(!/^[\d.]+$|:/.test(host) && { servername: host }),
    })
    const abort = (): void => {
      socket.destroy()
      reject(signal?.reason)
    }
    signal?.addEventListener('abort', abort, { once: true })
    const finish = (): void => {
      signal?.removeEventListener('abort', abort)
      socket.destroy()
    }
    socket.once('error', (error) => {
      finish()
      reject(error)
    })
    socket.once('timeout', () => {
      finish()
      reject(Object.assign(new Error('no TLS answer'), { code: 'ETIMEDOUT' }))
    })
    socket.once('secureConnect', () => {
      const chain: Uint8Array[] = []
      let next = socket.getPeerCertificate(true)
      // The last certificate of a chain names itself as its issuer.
      while (next?.raw && !chain.some((one) => Buffer.compare(one, next.raw) === 0)) {
        chain.push(new Uint8Array(next.raw))
        next = next.issuerCertificate
      }
      finish()
      resolve({ chain, roots: [...rootCertificates] })
    })
  })

/**
 * The usual roots and these: Node takes a list of its own for the whole list. NODE_EXTRA_CA_CERTS
 * belongs to the usual ones, but is not among `rootCertificates`.
 */
export function rootsAnd(pem: string): string[] {
  const extra = process.env.NODE_EXTRA_CA_CERTS
  const roots = [...rootCertificates, pem]
  try {
    return extra ? [...roots, readFileSync(extra, 'utf8')] : roots
  } catch {
    // Node itself only warns about a file that it cannot read.
    return roots
  }
}
