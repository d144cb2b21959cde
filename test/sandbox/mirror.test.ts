import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { expect, it, onTestFinished } from 'vitest'
import { startMirror } from '../../src/sandbox/mirror.js'
import { nodeSystem } from '../../src/system/node.js'

it('serves a catalog whose images are what it says they are', async () => {
  const system = nodeSystem()
  const mirror = await startMirror({}, system)
  onTestFinished(() => mirror.stop())
  const catalog = JSON.parse(await (await system.fetch(`${mirror.url}/catalog.json`)).text())
  expect(catalog.version).toBe(1)
  const chips = catalog.firmware.map(({ chip }: { chip: string }) => chip)
  expect(chips).toEqual(['esp32', 'esp32s3', 'esp32c3', 'esp32c6'])
  for (const entry of catalog.firmware) {
    expect(entry).toMatchObject({ runtime: 'micropython', version: '1.27.0', date: '2025-12-09' })
    const [part] = entry.parts
    expect(part.offset).toBe(entry.chip === 'esp32' ? 0x1000 : 0)
    const bytes = await (await system.fetch(`${mirror.url}/${part.url}`)).bytes()
    expect(bytes.length).toBe(part.size)
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(part.sha256)
    // Small on the wire: a demo must not wait for it.
    expect(bytes.length).toBeLessThan(100_000)
    expect(gzipSync(bytes).length).toBeLessThan(10_000)
  }
})

it('answers what it has not with 404, and writes nowhere', async () => {
  const system = nodeSystem()
  const mirror = await startMirror({}, system)
  onTestFinished(() => mirror.stop())
  const status = async (path: string, method = 'GET'): Promise<number> => {
    const response = await system.fetch(`${mirror.url}${path}`, { method })
    await response.discard()
    return response.status
  }
  expect(await status('/nothing.bin')).toBe(404)
  expect(await status('/../catalog.json')).toBe(200)
  expect(await status('/catalog.json', 'HEAD')).toBe(200)
  expect(await status('/catalog.json', 'PUT')).toBe(405)
})
