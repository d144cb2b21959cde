import type { System } from '../../system.js'

/** Wi-Fi authentication as `WLAN.scan` numbers it. */
export const auth = { open: 0, wpa2: 3 } as const

export interface Network {
  ssid: string
  bssid: Uint8Array
  channel: number
  /** dBm where the boards are. */
  rssi: number
  auth: number
  password: string
  hidden: boolean
}

export interface Lease {
  address: string
  netmask: string
  gateway: string
  dns: string
}

/** The networks in reach of every board, and what lies behind them. */
export interface Air {
  readonly networks: readonly Network[]
  /** The address a board has got, always the same for the same MAC. */
  lease(mac: Uint8Array): Lease
  /** The host that packets for this address reach; undefined = nobody answers. */
  route(address: string): string | undefined
  /** Whether UDP port 123 of this address tells the time, by the air itself. */
  keepsTime(address: string): boolean
  /** The address of a name, asked of the host. */
  resolve(name: string): Promise<string | undefined>
  /**
   * A board listens under the addresses that it has at any moment: connections to 127.0.0.1 and
   * `hostPort` (0 takes a free one) reach `onConnection`.
   */
  listen(
    board: { addresses(): readonly string[]; port: number; hostPort: number },
    onConnection: (socket: import('node:stream').Duplex) => void,
  ): Promise<() => Promise<void>>
  /** Where a port of a board is on this computer: 127.0.0.1 and the answered port. */
  forward(address: string, port: number): number | undefined
  readonly system: System
}

const hostAddress = '192.168.77.1'
const netmask = '255.255.255.0'
const firstLease = 20

/** Stands for public names on a computer without internet (RFC 5737): only the time answers there. */
const elsewhere = '198.51.100.1'
/** A resolver that is not there lets one wait much longer than the chip's program will. */
const resolveMs = 1500

async function atMost<T>(work: Promise<T>, ms: number, system: System): Promise<T | undefined> {
  let cancel = (): void => {}
  const late = new Promise<undefined>((resolve) => {
    cancel = system.clock.timer(ms, () => resolve(undefined))
  })
  try {
    return await Promise.race([work, late])
  } finally {
    cancel()
  }
}

/** Networks as a house in a town sees them. */
export const usualNetworks: readonly Network[] = [
  network('Rooftop', 1, { channel: 6, rssi: -48, password: 'sandbox-wifi' }),
  network('Office-Guest', 2, { channel: 11, rssi: -61 }),
  network('Cellar', 3, { channel: 3, rssi: -86, password: 'sandbox-wifi' }),
  network('Rooftop', 4, { channel: 1, rssi: -74, password: 'sandbox-wifi' }),
  network('Backyard', 5, { channel: 6, rssi: -66, password: 'sandbox-wifi', hidden: true }),
]

function network(
  ssid: string,
  number: number,
  rest: { channel: number; rssi: number; password?: string; hidden?: boolean },
): Network {
  const bssid = Uint8Array.of(0x02, 0x77, 0x78, 0, 0, number)
  const { password = '', hidden = false, channel, rssi } = rest
  return { ssid, bssid, channel, rssi, password, hidden, auth: password ? auth.wpa2 : auth.open }
}

/** One air for all boards of a sandbox. */
export function makeAir(
  system: System,
  options: { networks?: readonly Network[]; names?: Record<string, string> } = {},
): Air {
  const names: Record<string, string> = { 'sandbox.local': hostAddress, ...options.names }
  const leases = new Map<string, Lease>()
  const listening = new Set<{ addresses(): readonly string[]; port: number; hostPort: number }>()
  const own = new Set(system.host.addresses().map(({ address }) => address))
  return {
    system,
    networks: options.networks ?? usualNetworks,
    lease(mac) {
      const key = Buffer.from(mac).toString('hex')
      let lease = leases.get(key)
      if (!lease) {
        const address = `192.168.77.${firstLease + leases.size}`
        lease = { address, netmask, gateway: hostAddress, dns: hostAddress }
        leases.set(key, lease)
      }
      return lease
    },
    route(address) {
      if (address === hostAddress || own.has(address)) return '127.0.0.1'
      if (address === elsewhere) return undefined
      // Other addresses of this network are boards, reached by their ports, or nobody.
      return address.startsWith('192.168.77.') ? undefined : address
    },
    keepsTime: (address) => address === hostAddress || !address.startsWith('192.168.77.'),
    async resolve(name) {
      const known = names[name]
      if (known) return known
      if (name === 'localhost') return '127.0.0.1'
      if (!name.includes('.') || name.endsWith('.invalid')) return undefined
      const found = await atMost(system.net.resolve(name), resolveMs, system)
      if (found === undefined) return name.endsWith('.local') ? undefined : elsewhere
      return found.startsWith('127.') ? hostAddress : found
    },
    async listen({ addresses, port, hostPort }, onConnection) {
      const server = await system.net.listen({ port: hostPort }, onConnection)
      const entry = { addresses, port, hostPort: server.port }
      listening.add(entry)
      return async () => {
        listening.delete(entry)
        await server.close()
      }
    },
    forward: (address, port) =>
      [...listening].find((one) => one.port === port && one.addresses().includes(address))
        ?.hostPort,
  }
}
