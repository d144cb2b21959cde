import type { BoardFaults } from '../../faults.js'
import type { Air } from '../air.js'
import { ntpAnswer } from './ntp.js'
import type { Socket } from './socket.js'

interface Datagram {
  address: string
  port: number
  bytes: Uint8Array
}

/** Sends over the sockets of this computer; answers lie in the socket's row when they have come. */
export async function sendDatagram(
  one: Socket,
  { address, port, bytes }: Datagram,
  { air, faults, wake }: { air: Air; faults: BoardFaults; wake(): void },
): Promise<void> {
  const answered = (answer: Uint8Array, from: { address: string; port: number }): void => {
    one.datagrams.push({ bytes: answer, ...from })
    wake()
  }
  if (port === 123) {
    if (air.keepsTime(address) && !faults.noNtp && bytes.length >= 48) {
      answered(ntpAnswer(bytes, air.system.clock.now()), { address, port })
    }
    return
  }
  const host = air.route(address)
  if (host === undefined) return
  one.udp ??= await air.system.net.udp((answer, from) =>
    answered(answer, { address, port: from.port }),
  )
  one.udp.send(bytes, host, port)
}
