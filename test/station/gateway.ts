import { readFileSync } from 'node:fs'
import { onTestFinished } from 'vitest'
import { type Gateway, startGateway } from '../../src/sandbox/gateway/gateway.js'
import { nodeSystem } from '../../src/system/node.js'

export const password = 'p&a+s%s'

/** A local WebAdmin with the station's streams of these names, made from their templates. */
export async function gatewayWithStreams(
  folder: string,
  streams: ('weather_record' | 'station_status')[],
): Promise<Gateway> {
  const gateway = await startGateway({ folder, password }, nodeSystem())
  onTestFinished(() => gateway.stop())
  for (const name of streams) {
    const ddl = new URL(`../../templates/${name}.ddl`, import.meta.url)
    await ask(gateway, 'query', { query: readFileSync(ddl, 'utf8') })
  }
  return gateway
}

export async function ask(gateway: Gateway, path: string, body: object): Promise<unknown> {
  const login = await fetch(`${gateway.url}/oauth/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${btoa('web:secret')}` },
    body: new URLSearchParams({ grant_type: 'password', username: 'admin', password }),
  })
  const { access_token } = (await login.json()) as { access_token: string }
  const answer = await fetch(`${gateway.url}/api/v0/${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${access_token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return answer.json()
}
