/** The board of a command, on a cable or behind a server. */
export const portOption = [
  '-p, --port <port>',
  'board: path, id:…, socket://…, rfc2217://…',
] as const

/** The same over the air. */
export const hostOption = [
  '--host <address>',
  'station on the network, by WebREPL, instead of --port',
] as const
