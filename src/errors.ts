interface ErrorKind {
  exit: number
  /** What to do when the place that throws knows nothing better. */
  hint: string
}

/** Every error a user can meet: stable code -> exit code and default hint. */
export const errorTable = {
  FAULT: {
    exit: 1,
    hint: 'This is a fault in wxstation. Run it again with --debug and report the trace.',
  },
  USAGE: { exit: 2, hint: 'Run the command with --help to see its options.' },
  ANSWER_MISSING: { exit: 2, hint: 'Give the answer as a flag or in the environment.' },
  FILE_UNREADABLE: { exit: 2, hint: 'Check the path and its permissions.' },
  FILE_INVALID: {
    exit: 2,
    hint: 'Give a file that `wxstation stream export` wrote, and the stream it fits.',
  },
  SETTINGS_INVALID: {
    exit: 3,
    hint: 'Run `wxstation config show` to see each value and where it comes from.',
  },
  NO_BOARD: {
    exit: 4,
    hint: 'Plug a board in, then run `wxstation ports --all`; many USB cables only charge.',
  },
  MANY_BOARDS: { exit: 4, hint: 'Choose one with --port.' },
  PORT_ABSENT: { exit: 4, hint: 'Run `wxstation ports` to see what is plugged in.' },
  PORT_BUSY: { exit: 5, hint: 'Close the other program that uses the port.' },
  PORT_PERMISSION: {
    exit: 5,
    hint: 'Run `wxstation ports` to see the command that grants access.',
  },
  PORT_LOST: {
    exit: 6,
    hint: 'Check the cable, then run the same command again: it finishes the job.',
  },
  BOARD_SILENT: {
    exit: 6,
    hint: 'Hold BOOT, tap RESET, release BOOT, then run the command again.',
  },
  BOARD_FAULT: { exit: 6, hint: 'Run `wxstation flash` to put the board into a known state.' },
  BOARD_FULL: {
    exit: 6,
    hint: 'Remove files of your own from the board, or run `wxstation flash --erase`.',
  },
  CHIP_SECURED: {
    exit: 7,
    hint: 'A chip with secure boot or flash encryption takes images of its owner only.',
  },
  IMAGE_INVALID: {
    exit: 7,
    hint: 'Give an image made for this chip, or let `wxstation flash micropython` choose it.',
  },
  IMAGE_WRONG_CHIP: {
    exit: 7,
    hint: 'Let `wxstation flash micropython` choose the image that fits this chip.',
  },
  FLASH_FAILED: { exit: 7, hint: 'Run the same command again: it finishes the job.' },
  VERIFY_FAILED: {
    exit: 7,
    hint: 'Run the same command again; if it fails again, the flash chip may be worn out.',
  },
  BOOT_FAILED: { exit: 7, hint: 'Run `wxstation flash --erase` to start from an empty chip.' },
  FIRMWARE_UNKNOWN: { exit: 2, hint: 'Run `wxstation firmware list` to see what can be flashed.' },
  FIRMWARE_CORRUPT: { exit: 7, hint: 'Run `wxstation firmware clean` and fetch it again.' },
  WIFI_NOT_FOUND: { exit: 8, hint: 'Check the name; an ESP32 sees 2.4 GHz networks only.' },
  WIFI_WRONG_PASSWORD: { exit: 8, hint: 'Type the password again: upper and lower case count.' },
  WIFI_NO_ADDRESS: {
    exit: 8,
    hint: 'The network joined but gave no address: check its DHCP server.',
  },
  WIFI_WEAK: { exit: 8, hint: 'Move the board or the access point closer, or use an antenna.' },
  WIFI_FAILED: { exit: 8, hint: 'Check the network and try again.' },
  NETWORK_UNREACHABLE: {
    exit: 9,
    hint: 'Check the address, and that the server runs and can be reached from here.',
  },
  NOT_WEBADMIN: {
    exit: 9,
    hint: 'Give the address of TimeBase WebAdmin, for example http://server:8099.',
  },
  LOGIN_REFUSED: {
    exit: 9,
    hint: 'Check user and password; WebAdmin 1.1.4 prints a generated password once in its log.',
  },
  ACCESS_DENIED: {
    exit: 9,
    hint: 'This user may not do that: sign in as a user with TB_ALLOW_WRITE.',
  },
  STREAM_UNKNOWN: {
    exit: 9,
    hint: 'Try `wxstation stream list`, or make it with `wxstation stream create`.',
  },
  TIMEBASE_REFUSED: { exit: 9, hint: 'The log of WebAdmin says more.' },
  TIMEBASE_DOWN: {
    exit: 9,
    hint: 'WebAdmin answers but TimeBase behind it does not: check its container or service.',
  },
  TIMEBASE_UNSET: {
    exit: 3,
    hint: 'Run `wxstation login`, or set WXSTATION_TIMEBASE_URL, _USER and _PASSWORD.',
  },
  TLS_UNTRUSTED: {
    exit: 9,
    hint: 'Name its authority: `wxstation login --ca FILE`, or WXSTATION_TIMEBASE_CA.',
  },
  NO_ANSWER: {
    exit: 9,
    hint: 'Try again; if it happens often, look at the network and at the log of WebAdmin.',
  },
  ANSWER_INVALID: {
    exit: 9,
    hint: 'Check that the URL is that of TimeBase WebAdmin and that no proxy changes its answers.',
  },
  ANSWER_INCOMPLETE: {
    exit: 9,
    hint: 'Run the same command again; the log of WebAdmin says why its answer broke off.',
  },
  LIVE_BLOCKED: {
    exit: 9,
    hint: 'A proxy or firewall keeps WebSocket away from /stomp/v0; requests work without it.',
  },
  DOCKER_MISSING: {
    exit: 9,
    hint: 'Install Docker with its compose plugin, or use a TimeBase that runs elsewhere.',
  },
  DOCKER_DOWN: { exit: 9, hint: 'Start Docker, then run the command again.' },
  DOCKER_FAILED: { exit: 9, hint: 'Run `wxstation timebase logs` to see what the services say.' },
  SCHEMA_DIFFERS: {
    exit: 10,
    hint: 'Use another stream, or change this one by hand in WebAdmin.',
  },
  NO_RECORD: { exit: 11, hint: 'Run `wxstation logs` to see what the station says.' },
  TRIAL_FAILED: {
    exit: 11,
    hint: 'Check the new values; over the cable `wxstation logs` shows what the station says.',
  },
  TIMEOUT: { exit: 6, hint: 'Give it longer with --timeout.' },
  INTERRUPTED: { exit: 130, hint: 'Run the same command again to go on.' },
} as const satisfies Record<string, ErrorKind>

export type ErrorCode = keyof typeof errorTable

export interface WxErrorOptions {
  hint?: string
  details?: Record<string, unknown>
  cause?: unknown
}

/** Every failure a user can cause or meet: what happened, and what to do about it. */
export class WxError extends Error {
  override readonly name = 'WxError'
  readonly code: ErrorCode
  readonly hint: string
  readonly details: Record<string, unknown>

  constructor(code: ErrorCode, message: string, options: WxErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.hint = options.hint ?? errorTable[code].hint
    this.details = options.details ?? {}
  }

  get exitCode(): number {
    return errorTable[this.code].exit
  }
}

/** True for an AbortSignal's reason and for anything that was thrown because of one. */
export function isAbort(error: unknown): boolean {
  return (
    (error instanceof WxError && error.code === 'INTERRUPTED') ||
    (error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError'))
  )
}

/** The code of a request that a proxy on the way refused; Node and undici have none for it. */
export const proxyRefused = 'ERR_PROXY_REFUSED'

/** The errno name (ENOENT, EBUSY, …) of a foreign error, or undefined. */
export function errnoOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : undefined
}

/** What a file system refuses, in words; other errnos are no matter of files. */
const fileRefusals: { [errno: string]: string } = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of this disk is used up',
  EROFS: 'it lies on a read-only disk',
  EACCES: 'its permissions do not allow that',
  EPERM: 'its permissions do not allow that',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of its path is no folder',
  ENOENT: 'there is no such place',
  EEXIST: 'something else is there',
  ENAMETOOLONG: 'its name is too long',
  EIO: 'its device failed',
  ELOCKED: 'another wxstation is writing it',
  ECOMPROMISED: 'another wxstation took it over while this computer slept',
}
const locks = ['ELOCKED', 'ECOMPROMISED']

const reads = ['read', 'scandir', 'stat', 'lstat']
const writes = ['open', 'write', 'fsync', 'fdatasync', 'ftruncate', 'mkdir', 'mkdtemp', 'rename']

/**
 * An error of the file system as one that a user can act on, or undefined where it is none: sockets
 * know the same errnos. `path` is the file as the user named it; `verb`: what was to be done with it.
 */
export function fileError(
  error: unknown,
  path?: string,
  verb?: 'read' | 'written',
): WxError | undefined {
  const { syscall = '', path: own } = (error ?? {}) as NodeJS.ErrnoException
  const errno = errnoOf(error) ?? ''
  const why = fileRefusals[errno]
  const isFile = reads.includes(syscall) || writes.includes(syscall) || locks.includes(errno)
  if (error instanceof WxError || why === undefined || !isFile) return undefined
  const done = verb ?? (reads.includes(syscall) ? 'read' : 'written')
  const room = 'Make room there, then run the same command again.'
  return new WxError('FILE_UNREADABLE', `${path ?? own ?? 'A file'} cannot be ${done}: ${why}.`, {
    ...(['ENOSPC', 'EDQUOT'].includes(errno) && { hint: room }),
    ...(locks.includes(errno) && { hint: 'Wait until that one has ended.' }),
    cause: error,
  })
}
