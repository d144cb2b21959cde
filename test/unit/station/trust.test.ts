import { describe, expect, it } from 'vitest'
import { findRoot, rootOf } from '../../../src/station/trust.js'
import type { System } from '../../../src/system.js'
import {
  type Certificate,
  type CertificateOptions,
  makeCertificate,
} from '../../support/certificates.js'

const times = { from: new Date('2026-01-01'), to: new Date('2036-01-01') }
const make = (name: string, more: Partial<CertificateOptions> = {}): Certificate =>
  makeCertificate({ name, ...times, ...more })
const root = make('Root', { isAuthority: true })
const between = make('Between', { isAuthority: true, issuer: root })
const server = make('server', { issuer: between })
const foreign = make('Foreign', { isAuthority: true })
const twin = make('Root', { isAuthority: true })
const alone = make('alone')

const chain = (...certificates: Certificate[]): Uint8Array[] => certificates.map(({ der }) => der)
const pems = (...certificates: Certificate[]): string[] => certificates.map(({ pem }) => pem)

describe('the root of a chain', () => {
  it.each<[string, Uint8Array[], string[], Certificate | undefined]>([
    ['over an intermediate', chain(server, between), pems(foreign, root), root],
    ['that is sent along', chain(server, between, root), pems(root), root],
    [
      'that is an intermediate, where that is trusted',
      chain(server, between),
      pems(between),
      between,
    ],
    ['that is the server itself', chain(alone), pems(alone), alone],
    ['missing: a chain without its intermediate', chain(server), pems(root), undefined],
    ['missing: nobody trusted has signed', chain(server, between, root), pems(foreign), undefined],
    ['missing: same name, other key', chain(server, between), pems(twin), undefined],
    ['missing: one does not sign the next', chain(server, foreign, root), pems(root), undefined],
    ['missing: no chain', [], pems(root), undefined],
  ])('%s', (_what, sent, trusted, expected) => {
    const found = rootOf(sent, trusted)
    expect(found?.name).toBe(expected?.name)
    expect(found && Buffer.from(found.der)).toEqual(expected?.der)
  })
})

describe('finding it', () => {
  const asked: string[] = []
  const answering = (answers: {
    [host: string]: Certificate[]
  }): Pick<System, 'serverCertificates'> => ({
    async serverCertificates({ host, port }) {
      asked.push(`${host}:${port}`)
      const sent = answers[host]
      if (!sent) throw Object.assign(new Error('none'), { code: 'ENOTFOUND' })
      return { chain: chain(...sent), roots: pems(foreign) }
    },
  })

  it('takes the first address that speaks TLS here, and certificates of --ca', async () => {
    const system = answering({ localhost: [server, between] })
    const ca = `a comment\n${root.pem}${foreign.pem}`
    const urls = ['https://station.lan', 'https://localhost:8443/tb']
    expect((await findRoot(urls, ca, system)).name).toBe('Root')
    expect(asked.splice(0)).toEqual(['station.lan:443', 'localhost:8443'])
  })

  it('takes the brackets off an IPv6 address', async () => {
    await findRoot(['https://[fd00::1]'], root.pem, answering({ 'fd00::1': [server, between] }))
    expect(asked.splice(0)).toEqual(['fd00::1:443'])
  })

  it('does not go on from a server that nobody trusted has signed', async () => {
    const system = answering({ one: [server, between], two: [alone] })
    const found = findRoot(['https://one', 'https://two'], alone.pem, system)
    await expect(found).rejects.toMatchObject({ code: 'TLS_UNTRUSTED', exitCode: 9 })
    expect(asked.splice(0)).toEqual(['one:443'])
  })

  it('names the first address where none speaks TLS', async () => {
    const found = findRoot(['https://one', 'https://two'], undefined, answering({}))
    await expect(found).rejects.toMatchObject({
      code: 'NETWORK_UNREACHABLE',
      message: 'https://one does not speak TLS here: ENOTFOUND.',
    })
  })
})
