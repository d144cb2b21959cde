import type { FileHandle } from 'node:fs/promises'
import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http'
import type { Server, Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** Time as the program sees it; tests put a fake one here. */
export interface Clock {
  /** Wall clock, milliseconds since 1970. */
  now(): number
  /** Milliseconds since some start; never goes back. */
  monotonic(): number
  /** Resolves after `ms`; rejects with the signal's reason when it aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls `fn` once after `ms`; the answer cancels it. */
  timer(ms: number, fn: () => void): () => void
}

export interface FileStat {
  size: number
  mtimeMs: number
  isFolder: boolean
  mode: number
  uid: number
  gid: number
}

export interface Files {
  /** The bytes of a file, or undefined where there is none. */
  read(path: string): Promise<Uint8Array | undefined>
  readText(path: string): Promise<string | undefined>
  /** Writes to a new name, flushes, renames: a reader sees the old file or the new one. */
  write(path: string, data: string | Uint8Array, options?: { mode?: number }): Promise<void>
  open(path: string, flags: string, mode?: number): Promise<FileHandle>
  list(folder: string): Promise<string[]>
  stat(path: string): Promise<FileStat | undefined>
  /** The target of a link, or the path itself where it is none. */
  realPath(path: string): Promise<string>
  makeFolder(path: string): Promise<void>
  rename(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
  temporaryFolder(prefix: string): Promise<string>
  /**
   * Runs `fn` while no other process holds the lock of `path`. `lost` aborts where one has taken it
   * all the same: a computer that slept with it was believed dead.
   */
  locked<T>(path: string, fn: (lost: AbortSignal) => Promise<T>): Promise<T>
}

export interface Net {
  listen(
    options: { host?: string; port: number },
    onConnection: (socket: Socket) => void,
  ): Promise<{ port: number; server: Server; close(): Promise<void> }>
  connect(host: string, port: number, signal?: AbortSignal): Promise<Socket>
  serve(
    options: { host?: string; port: number },
    onRequest: (request: IncomingMessage, response: ServerResponse) => void,
    onUpgrade?: (request: IncomingMessage, socket: Duplex, head: Uint8Array) => void,
  ): Promise<{ port: number; server: HttpServer; close(): Promise<void> }>
  /** A UDP socket on a free port. */
  udp(
    onMessage: (bytes: Uint8Array, from: { address: string; port: number }) => void,
  ): Promise<{ send(bytes: Uint8Array, host: string, port: number): void; close(): void }>
  /** The first IPv4 address of a name, or undefined. */
  resolve(name: string): Promise<string | undefined>
  /**
   * TLS over an open socket, at most version 1.2. Certificates are not judged: the chain (DER, the
   * server's own first) is for the caller. Rejects where the handshake fails.
   */
  secure(socket: Duplex, serverName?: string): Promise<{ socket: Duplex; chain: Uint8Array[] }>
}

export interface FetchOptions {
  method?: string
  headers?: Record<string, string>
  body?: string | Uint8Array
  signal?: AbortSignal
  /** Deadlines in milliseconds; undefined keeps the client's own (10 s, 30 s, 60 s). */
  connectTimeoutMs?: number
  headersTimeoutMs?: number
  bodyTimeoutMs?: number
  /** Extra trusted certificates (PEM), or no verification at all. */
  ca?: string
  insecure?: boolean
  /** Takes the body in ahead of its reader, up to some megabytes; a piece holds until the next one. */
  ahead?: boolean
}

/** A body that has arrived: its size, and what of it is still to be read. */
export interface Arrived {
  bytes: number
  rest: readonly Uint8Array[]
}

export interface FetchResponse {
  status: number
  headers: Record<string, string>
  body: AsyncIterable<Uint8Array>
  /** With `ahead`: resolves when the last byte has arrived. */
  arrived?: Promise<Arrived>
  text(): Promise<string>
  bytes(): Promise<Uint8Array>
  /** Gives the connection up without reading the rest. */
  discard(): Promise<void>
}

export interface WebSocketLike {
  send(data: string | Uint8Array): void
  close(code?: number, reason?: string): void
  /** Messages until the socket closes; throws when it breaks. */
  messages: AsyncIterable<string | Uint8Array>
  readonly closed: Promise<{ code: number; reason: string }>
}

export interface SpawnResult {
  code: number
  stdout: string
  stderr: string
}

export interface Terminal {
  readonly stdin: NodeJS.ReadStream
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WriteStream
  /** stdin and stderr are terminals: questions can be asked. */
  readonly canAsk: boolean
  /** stdout is a terminal: tables and live lines make sense. */
  readonly isTerminal: boolean
  /** Width of the terminal, or 80 where there is none. */
  columns(): number
}

/** A serial port as the operating system lists it. */
export interface PortInfo {
  path: string
  vendorId?: number
  productId?: number
  serialNumber?: string
  manufacturer?: string
  product?: string
  /** Stable names of the same port (/dev/serial/by-id/…). */
  links?: string[]
}

export interface SerialPorts {
  /** Lists ports without opening any. */
  list(): Promise<PortInfo[]>
}

export interface Host {
  readonly name: string
  readonly platform: NodeJS.Platform
  readonly release: string
  readonly user: string
  readonly home: string
  readonly nodeVersion: string
  readonly pid: number
  /** The node binary that runs this. */
  readonly execPath: string
  readonly totalMemoryBytes: number
  /** IPv4 addresses of this computer, loopback left out. */
  addresses(): { name: string; address: string; netmask: string }[]
  /** Processor time this process used, milliseconds. */
  cpuMs(): number
  residentBytes(): number
}

/** Everything outside the program. The domains get side effects from here and nowhere else. */
export interface System {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** Folders of this user: settings, data (inventory, tokens), cache (firmware). */
  readonly folders: { config: string; data: string; cache: string }
  /** The package's own root: firmware/ and templates/ lie in it. */
  readonly packageFolder: string
  readonly host: Host
  readonly clock: Clock
  readonly files: Files
  readonly net: Net
  readonly terminal: Terminal
  /** Stands in for the serialport package where a test wants other ports. */
  readonly serial?: SerialPorts
  fetch(url: string, options?: FetchOptions): Promise<FetchResponse>
  /** The certificates a TLS server shows (DER, its own first), and the roots this computer trusts (PEM). */
  serverCertificates(options: {
    host: string
    port: number
    signal?: AbortSignal | undefined
  }): Promise<{ chain: Uint8Array[]; roots: string[] }>
  webSocket(
    url: string,
    options?: {
      headers?: Record<string, string>
      protocols?: string[]
      signal?: AbortSignal
      ca?: string
      insecure?: boolean
    },
  ): Promise<WebSocketLike>
  /** Runs a program to its end. Rejects with ENOENT where it does not exist. */
  spawn(
    command: string,
    args: string[],
    options?: {
      cwd?: string
      /** Added to this process's own; undefined takes a variable away. */
      env?: Record<string, string | undefined>
      signal?: AbortSignal
      /** What it prints goes where this process prints. */
      inherit?: boolean
    },
  ): Promise<SpawnResult>
  randomBytes(size: number): Uint8Array
  /** Runs code of others, and takes away the listeners it hangs on this process. */
  withoutListeners<T>(fn: () => Promise<T>): Promise<T>
  /** Calls `fn` at SIGINT, SIGTERM and SIGHUP; the answer removes it. */
  onSignal(fn: (signal: string) => void): () => void
  /** Ends the process at once: only for the second Ctrl-C. */
  exit(code: number): void
}
