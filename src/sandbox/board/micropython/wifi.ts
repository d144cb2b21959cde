import type { Clock } from '../../../system.js'
import type { BoardFaults } from '../../faults.js'
import type { Air, Lease, Network } from '../air.js'
import type { Answer } from './messages.js'

/** `network.STAT_*` and the reasons the driver gives, as `status()` answers them. */
export const status = {
  idle: 1000,
  connecting: 1001,
  gotIp: 1010,
  beaconTimeout: 200,
  noAccessPoint: 201,
  wrongPassword: 202,
} as const

/** Recorded: joined and addressed after 1.06 s; a name that nobody has is given up after 2.4 s. */
const joinMs = 1060
const searchMs = 2400
/** A four-way handshake with a wrong password fails after its retries. */
const refusalMs = 2800
/** ESP-IDF: beacons missed for 6 s end an association. */
const beaconMs = 6000
const tickMs = 100
/** Recorded: an association that is given up ends a moment after the call has come back. */
const leaveMs = 10

/** Below this nothing can be received (ESP32 data sheet: -98 dBm at 1 Mbit/s, less a margin). */
export const weakestDbm = -92

export interface WifiOptions {
  air: Air
  faults: BoardFaults
  mac: Uint8Array
  clock: Clock
}

interface Wanted {
  ssid: string
  password: string
  bssid: string | undefined
}

/** The station interface of one board's radio. */
export class Wifi {
  #isActive = false
  #isUp = false
  /** Why the last connection or attempt ended; it stays while the driver tries again. */
  #reason: number | undefined
  #wanted: Wanted | undefined
  #network: Network | undefined
  #lease: Lease | undefined
  #static: Lease | undefined
  #attemptAt = 0
  #lostAt: number | undefined
  #isJoining = false
  #attempts = 0
  #reconnects = -1
  #dns = '0.0.0.0'
  #stopTick = (): void => {}
  #leaveNow: (() => void) | undefined
  /** Called when the connection goes: what was open breaks. */
  onLost = (): void => {}
  onJoined = (): void => {}

  constructor(private readonly options: WifiOptions) {}

  get address(): string | undefined {
    return this.#isUp ? (this.#static ?? this.#lease)?.address : undefined
  }

  readonly operations = {
    wifi_active: ([on]: [boolean]): Answer => {
      this.#setActive(on)
      return {}
    },
    wifi_state: (): Answer => ({
      value: {
        active: this.#isActive,
        status: this.#status(),
        connected: this.#isUp,
        connecting: this.#isJoining,
        rssi: this.#network ? this.#rssi(this.#network) : 0,
        channel: this.#network?.channel ?? 1,
        ssid: this.#wanted?.ssid ?? '',
        ifconfig: this.#ifconfig(),
        reconnects: this.#reconnects,
      },
    }),
    wifi_scan: (): Answer => ({ value: this.#scan() }),
    wifi_connect: ([ssid, password, bssid]: [string, string, string | null]): Answer => {
      this.#leaveNow?.()
      this.#wanted = { ssid, password, bssid: bssid ?? undefined }
      this.#attempts = 0
      if (this.#isUp && this.#network?.ssid === ssid) return {}
      // Recorded: the attempt under way is not ended, but its next round is for the new name.
      if (this.#isJoining) return { error: 'Wifi Internal Error' }
      if (this.#isUp) this.#drop(undefined)
      this.#attempt()
      return {}
    },
    wifi_disconnect: (): Answer => {
      this.#wanted = undefined
      this.#isJoining = false
      if (this.#isUp) this.#leaveSoon()
      return {}
    },
    wifi_static: ([lease]: [Lease | null]): Answer => {
      this.#static = lease ?? undefined
      if (lease) this.#dns = lease.dns
      return {}
    },
    wifi_reconnects: ([count]: [number]): Answer => {
      this.#reconnects = count
      return {}
    },
  }

  /** The board is off. */
  leave(): void {
    this.#setActive(false)
  }

  #setActive(on: boolean): void {
    if (on === this.#isActive) return
    this.#isActive = on
    this.#stopTick()
    this.#leaveNow?.()
    if (on) this.#schedule()
    else {
      this.#wanted = undefined
      this.#drop(this.#isUp ? status.idle : this.#reason)
    }
  }

  #status(): number {
    if (this.#isUp) return status.gotIp
    return this.#reason ?? (this.#isJoining ? status.connecting : status.idle)
  }

  #leaveSoon(): void {
    const leave = (): void => {
      cancel()
      this.#leaveNow = undefined
      this.#drop(status.idle)
    }
    const cancel = this.options.clock.timer(leaveMs, leave)
    this.#leaveNow = leave
  }

  #schedule(): void {
    this.#stopTick = this.options.clock.timer(tickMs, () => {
      this.#tick()
      this.#schedule()
    })
  }

  #attempt(): void {
    this.#isJoining = true
    this.#attempts++
    this.#attemptAt = this.options.clock.monotonic()
  }

  #tick(): void {
    if (this.#isUp) this.#watchBeacons()
    else if (this.#isJoining && this.#wanted) this.#goOn(this.#wanted)
  }

  #watchBeacons(): void {
    const now = this.options.clock.monotonic()
    if (this.#network && this.#isAudible(this.#network)) {
      this.#lostAt = undefined
      return
    }
    this.#lostAt ??= now
    if (now - this.#lostAt < beaconMs) return
    this.#drop(status.beaconTimeout)
    this.#attempt()
  }

  #goOn(wanted: Wanted): void {
    const spent = this.options.clock.monotonic() - this.#attemptAt
    const found = this.#find(wanted)
    if (!found) {
      if (spent >= searchMs) this.#failed(status.noAccessPoint)
      return
    }
    const isRefused =
      found.password !== '' &&
      (found.password !== wanted.password || this.options.faults.wrongPassword)
    if (isRefused) {
      if (spent >= refusalMs) this.#failed(status.wrongPassword)
      return
    }
    if (spent < joinMs) return
    // ESP-IDF's DHCP client asks for ever; until it has an answer the driver says "connecting".
    if (this.options.faults.noAddress) return
    this.#network = found
    this.#lease = this.options.air.lease(this.options.mac)
    this.#dns = this.#lease.dns
    this.#isUp = true
    this.#reason = undefined
    this.#isJoining = false
    this.#attempts = 0
    this.#lostAt = undefined
    this.onJoined()
  }

  /** The driver tries again for ever, or as often as `reconnects` says; the reason stays. */
  #failed(reason: number): void {
    this.#reason = reason
    const mayRetry = this.#reconnects < 0 || this.#attempts <= this.#reconnects
    if (mayRetry) this.#attempt()
    else this.#isJoining = false
  }

  #drop(reason: number | undefined): void {
    const wasUp = this.#isUp
    this.#isUp = false
    this.#reason = reason
    this.#network = undefined
    this.#lease = undefined
    this.#isJoining = false
    this.#lostAt = undefined
    if (wasUp) this.onLost()
  }

  #find(wanted: Wanted): Network | undefined {
    return (
      this.options.air.networks
        .filter(({ ssid, bssid }) => {
          const isIt =
            wanted.bssid === undefined || wanted.bssid === Buffer.from(bssid).toString('hex')
          return ssid === wanted.ssid && isIt
        })
        // Recorded: with a password the driver passes open networks by.
        .filter(({ password }) => password !== '' || wanted.password === '')
        .filter((one) => this.#isAudible(one))
        .sort((a, b) => this.#rssi(b) - this.#rssi(a))[0]
    )
  }

  #isAudible(network: Network): boolean {
    return !this.options.faults.accessPointGone && this.#rssi(network) >= weakestDbm
  }

  #rssi(network: Network): number {
    return this.options.faults.signalDbm ?? network.rssi
  }

  #scan(): unknown[] {
    return this.options.air.networks
      .filter((one) => this.#isAudible(one))
      .sort((a, b) => this.#rssi(b) - this.#rssi(a))
      .map((one) => [
        one.hidden ? '' : one.ssid,
        Buffer.from(one.bssid).toString('hex'),
        one.channel,
        this.#rssi(one),
        one.auth,
        one.hidden,
      ])
  }

  #ifconfig(): string[] {
    const lease = this.#static ?? (this.#isUp ? this.#lease : undefined)
    if (!lease) return ['0.0.0.0', '0.0.0.0', '0.0.0.0', this.#dns]
    return [lease.address, lease.netmask, lease.gateway, lease.dns]
  }
}
