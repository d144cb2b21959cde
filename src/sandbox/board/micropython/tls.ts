import type { Duplex } from 'node:stream'
import type { Net } from '../../../system.js'
import { judge, type Trust } from './certificates.js'
import type { TlsFailure } from './socket.js'

const fatalAlert: TlsFailure = [-30_592, 'MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE']
export const connectionEnded: TlsFailure = [-29_312, 'MBEDTLS_ERR_SSL_CONN_EOF']

/** A handshake as the chip's mbedtls sees it; without `trust` no certificate is judged. */
export async function shakeHands(
  net: Net,
  plain: Duplex,
  name: string | undefined,
  trust: Trust | undefined,
): Promise<{ socket?: Duplex; certificate?: Uint8Array | undefined; error?: TlsFailure }> {
  try {
    const { socket, chain } = await net.secure(plain, name)
    const complaint = trust && judge(chain, trust)
    if (complaint === undefined) return { socket, certificate: chain[0] }
    socket.destroy()
    return { error: complaint }
  } catch (error) {
    plain.destroy()
    return { error: isAlert(error) ? fatalAlert : connectionEnded }
  }
}

/** OpenSSL names an alert of the other side so in its error code. */
function isAlert(error: unknown): boolean {
  return String((error as { code?: unknown }).code).includes('ALERT')
}
