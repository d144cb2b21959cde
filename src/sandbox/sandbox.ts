import { join } from 'node:path'
import type { System } from '../system.js'
import { makeAir, type Network, usualNetworks } from './board/air.js'
import { startBoard, type VirtualBoard } from './board/board.js'
import type { BoardFaults } from './faults.js'
import { type Gateway, startGateway } from './gateway/gateway.js'
import { type Mirror, startMirror } from './mirror.js'

export interface SandboxOptions {
  /** Flash images and the gateway's records live here and outlast a restart. */
  folder: string
  /** How many boards stand on the bench. */
  boards: number
  /**
   * First of the fixed ports to use (two a board, then gateway, then mirror, then the boards'
   * WebREPL); 0 takes free ones.
   */
  firstPort: number
  faults: Partial<BoardFaults>
  /** What the boards hear; the usual neighborhood unless told. */
  networks?: readonly Network[]
  /** Of the gateway's user; made up unless told. */
  password?: string
}

export interface Sandbox {
  boards: VirtualBoard[]
  gateway: Gateway
  mirror: Mirror
  /** What makes the CLI use the sandbox: the same settings a real board and server take. */
  environment: Record<string, string>
  stop(): Promise<void>
}

/** The address under which a joined board reaches this computer. */
const hostAddressOnAir = '192.168.77.1'

/** Starts boards, gateway and firmware mirror; everything listens on loopback only. */
export async function startSandbox(options: SandboxOptions, system: System): Promise<Sandbox> {
  const stops: (() => Promise<void>)[] = []
  const stop = async (): Promise<void> => {
    // Last started, first stopped; each once, whatever an earlier one did.
    for (const one of stops.splice(0).reverse()) await one()
  }
  const port = (n: number): number => (options.firstPort === 0 ? 0 : options.firstPort + n)
  try {
    const boards: VirtualBoard[] = []
    const networks = options.networks ?? usualNetworks
    const air = makeAir(system, { networks })
    for (let n = 0; n < options.boards; n++) {
      const board = await startBoard(
        {
          name: `board-${n + 1}`,
          // Espressif's first registered block; the last three bytes number the boards.
          mac: Uint8Array.of(0x24, 0x0a, 0xc4, 0x01, 0x02, 0x03 + n),
          flashFile: join(options.folder, `board-${n + 1}.flash`),
          faults: options.faults,
          air,
          port: port(n * 2),
          socketPort: port(n * 2 + 1),
          webReplPort: port(options.boards * 2 + 2 + n),
        },
        system,
      )
      stops.push(() => board.stop())
      boards.push(board)
    }
    const gateway = await startGateway(
      {
        folder: join(options.folder, 'gateway'),
        port: port(options.boards * 2),
        ...(options.password !== undefined && { password: options.password }),
      },
      system,
    )
    stops.push(() => gateway.stop())
    const mirror = await startMirror({ port: port(options.boards * 2 + 1) }, system)
    stops.push(() => mirror.stop())
    const environment = environmentOf(boards, gateway, mirror, networks)
    return { boards, gateway, mirror, environment, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function environmentOf(
  boards: VirtualBoard[],
  gateway: Gateway,
  mirror: Mirror,
  networks: readonly Network[],
): Record<string, string> {
  const first = boards[0]
  const near = networks[0]
  return {
    ...(first && { WXSTATION_PORT: first.rfc2217Url }),
    WXSTATION_FIRMWARE_MIRROR: mirror.url,
    WXSTATION_TIMEBASE_URL: gateway.url,
    WXSTATION_TIMEBASE_BOARD_URL: `http://${hostAddressOnAir}:${gateway.port}`,
    WXSTATION_TIMEBASE_USER: gateway.user,
    WXSTATION_TIMEBASE_PASSWORD: gateway.password,
    ...(near && { WXSTATION_WIFI_SSID: near.ssid, WXSTATION_WIFI_PASSWORD: near.password }),
  }
}
