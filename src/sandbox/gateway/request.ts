import type { System } from '../../system.js'
import type { GatewayFaults } from './faults.js'
import {
  accessDenied,
  badParameter,
  conversionFailed,
  timebaseDown,
  unknownStream,
  wrongContentType,
} from './java-error.js'
import type { Reply } from './reply.js'
import type { Store } from './store/store.js'
import type { Stream } from './store/stream.js'
import { instant } from './time.js'
import type { Authority, User } from './users.js'
import type { GatewayVersion } from './versions.js'

/** What the gateway as a whole keeps, for the handlers. */
export interface Shared {
  system: System
  store: Store
  faults: GatewayFaults
  isReadOnly: boolean
  version: GatewayVersion
  exports: Map<string, { name: string; bytes: Uint8Array }>
}

/** One request on its way to a handler: authenticated, its body read. */
export class Request {
  constructor(
    readonly shared: Shared,
    readonly method: string,
    /** Decoded path parameters by name. */
    readonly path: Record<string, string>,
    readonly query: URLSearchParams,
    readonly body: string,
    readonly contentType: string,
    readonly user: User | undefined,
  ) {}

  get now(): number {
    return this.shared.system.clock.now()
  }

  allow(...needed: Authority[]): void {
    if (!needed.some((one) => this.user?.authorities.includes(one))) throw accessDenied()
    if (this.shared.faults.timebaseDown) throw timebaseDown()
  }

  allowRead(): void {
    this.allow('TB_ALLOW_READ', 'TB_ALLOW_WRITE')
  }

  allowWrite(): void {
    this.allow('TB_ALLOW_WRITE')
  }

  needJson(): void {
    const type = this.contentType || 'application/octet-stream'
    if (!/^application\/([\w.-]+\+)?json\b/i.test(type)) throw wrongContentType(type)
  }

  /** The stream of the path. `frame` is where the server notices that it does not exist. */
  stream(frame: string): Stream {
    const key = this.path.stream ?? ''
    const found = this.shared.store.get(key)
    if (!found) throw unknownStream(key, frame)
    return found
  }

  list(name: string): string[] | undefined {
    const all = this.query.getAll(name)
    return all.length > 0 ? all.flatMap((one) => one.split(',')) : undefined
  }

  integer(name: string, fallback: number): number {
    const text = this.query.get(name)
    if (text === null || text === '') return fallback
    if (!/^[+-]?\d+$/.test(text.trim())) {
      throw badParameter(
        text,
        'int',
        `java.lang.NumberFormatException: For input string: "${text}"`,
      )
    }
    return Number(text)
  }

  flag(name: string): boolean {
    const text = this.query.get(name)
    if (text === null || text === '') return false
    const value = {
      true: true,
      on: true,
      yes: true,
      1: true,
      false: false,
      off: false,
      no: false,
      0: false,
    }[text.toLowerCase()]
    if (value === undefined) {
      throw badParameter(
        text,
        'boolean',
        `java.lang.IllegalArgumentException: Invalid boolean value [${text}]`,
      )
    }
    return value
  }

  time(name: string): number | undefined {
    const text = this.query.get(name)
    if (text === null || text === '') return undefined
    const found = instant(text)
    if (found !== undefined) return found
    throw badParameter(
      text,
      'java.time.Instant',
      conversionFailed(text, 'java.time.Instant', `Parse attempt failed for value [${text}]`),
    )
  }
}

export type Handler = (request: Request) => Promise<Reply> | Reply

export interface Route {
  method: 'GET' | 'POST' | 'PUT'
  /** Segments below /api/v0; `:name` matches any one. */
  path: string
  handle: Handler
}
