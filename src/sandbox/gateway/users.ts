import type { System } from '../../system.js'

export type Authority = 'TB_ALLOW_READ' | 'TB_ALLOW_WRITE' | 'GRAFANA'

export interface User {
  username: string
  password: string
  authorities: Authority[]
}

/** A key of the whole server's flow: `secret` text (basic) or base64 X.509 RSA public key (session). */
export interface ApiKey {
  name: string
  key: string
  user: string
}

/** Sixteen characters from `0` to `Z`, as the server makes them; some need percent-encoding. */
export function randomPassword(system: System): string {
  return Array.from(system.randomBytes(16), (byte) => String.fromCharCode(48 + (byte % 43))).join(
    '',
  )
}

/** The server's own two users. */
export function defaultUsers(system: System, password?: string): User[] {
  return [
    {
      username: 'admin',
      password: password ?? randomPassword(system),
      authorities: ['TB_ALLOW_READ', 'TB_ALLOW_WRITE'],
    },
    { username: 'reader', password: randomPassword(system), authorities: ['TB_ALLOW_READ'] },
  ]
}
