import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { cachePath, download, keepDownload } from '../../../src/device/download.js'
import { fakeSite } from '../../support/fake-site.js'

const url = 'https://example.org/firmware/a.bin'
const content = Uint8Array.from({ length: 10_500 }, (_, i) => (i * 7) & 0xff)
const online = { offline: false }
const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const nothing = (): void => {}

/** Serves ranges as a web server does. */
function ranged(range: string | undefined, body = content) {
  const from = Number(/bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0)
  return from === 0 ? { body } : { status: 206, body: body.subarray(from) }
}

describe('download', () => {
  it('goes on where the connection broke, and counts what is there', async () => {
    let breaks = 2
    const { system, asked } = fakeSite((_, range) => ({
      ...ranged(range),
      ...(breaks-- > 0 && { breaksAfter: 4000 }),
    }))
    const progress: number[] = []
    const got = await download({ url }, online, system, (done, total) => {
      progress.push(done)
      expect(total).toBe(content.length)
    })
    expect(Buffer.from(got.bytes).equals(Buffer.from(content))).toBe(true)
    expect(asked.map(({ range }) => range)).toEqual([undefined, 'bytes=4000-', 'bytes=8000-'])
    expect(progress).toEqual([...progress].sort((a, b) => a - b))
  })

  it('a later run goes on with what an earlier one left', async () => {
    const { system, asked } = fakeSite((_, range) => ({
      ...ranged(range),
      breaksAfter: range ? 0 : 3000,
    }))
    await expect(download({ url }, online, system, nothing)).rejects.toMatchObject({
      code: 'NETWORK_UNREACHABLE',
    })
    const before = asked.length
    const whole = { ...system, fetch: fakeSite((_, range) => ranged(range)).system.fetch }
    const got = await download({ url }, online, whole, nothing)
    expect(hash(got.bytes)).toBe(hash(content))
    expect(before).toBeGreaterThan(1)
  })

  it.each([
    ['ignores the range', () => ({ body: content })],
    ['refuses the range', (range?: string) => (range ? { status: 416 } : { body: content })],
  ])('begins anew where the server %s', async (_, answer) => {
    let isFirst = true
    const { system } = fakeSite((_url, range) => {
      const breaks = isFirst
      isFirst = false
      return breaks ? { body: content, breaksAfter: 2000 } : answer(range)
    })
    const got = await download({ url }, online, system, nothing)
    expect(hash(got.bytes)).toBe(hash(content))
  })

  it('follows redirects, and gives up in a circle', async () => {
    const { system, asked } = fakeSite((at) =>
      at === url
        ? { status: 302, headers: { location: '/moved.bin' } }
        : at.endsWith('/moved.bin')
          ? { body: content }
          : { status: 301, headers: { location: at } },
    )
    await download({ url }, online, system, nothing)
    expect(asked.at(-1)?.url).toBe('https://example.org/moved.bin')
    await expect(
      download({ url: 'https://example.org/loop' }, online, system, nothing),
    ).rejects.toMatchObject({
      code: 'NETWORK_UNREACHABLE',
      message: expect.stringMatching(/circle/),
    })
  })

  it('keeps nothing before it is told to, then trusts the first hash for ever', async () => {
    let body = content
    const { system } = fakeSite(() => ({ body }))
    const first = await download({ url }, online, system, nothing)
    expect(first).toMatchObject({ from: 'fetched', trust: 'first' })
    expect(await system.files.stat(cachePath(url, system))).toBeUndefined()
    await keepDownload(url, first, system)
    expect(await download({ url }, { offline: true }, system, nothing)).toMatchObject({
      from: 'cache',
      trust: 'known',
    })
    await system.files.remove(cachePath(url, system))
    body = content.slice(1)
    await expect(download({ url }, online, system, nothing)).rejects.toMatchObject({
      code: 'FIRMWARE_CORRUPT',
      hint: expect.stringMatching(/firmware clean/),
    })
  })

  it('refuses what the catalog does not pin, and mends a damaged cache', async () => {
    const sha256 = hash(content)
    const { system } = fakeSite(() => ({ body: content }))
    const pinned = await download({ url, sha256 }, online, system, nothing)
    expect(pinned.trust).toBe('pinned')
    await keepDownload(url, pinned, system)
    await system.files.write(cachePath(url, system), content.slice(5))
    const again = await download({ url, sha256 }, online, system, nothing)
    expect(again).toMatchObject({ from: 'fetched', sha256 })
    await expect(
      download({ url, sha256: '0'.repeat(64) }, online, system, nothing),
    ).rejects.toMatchObject({ code: 'FIRMWARE_CORRUPT' })
  })

  it.each([
    [404, 'FIRMWARE_UNKNOWN'],
    [503, 'NETWORK_UNREACHABLE'],
  ])('an answer %i is %s at once', async (status, code) => {
    const { system, asked } = fakeSite(() => ({ status }))
    await expect(download({ url }, online, system, nothing)).rejects.toMatchObject({ code })
    expect(asked).toHaveLength(1)
  })
})
