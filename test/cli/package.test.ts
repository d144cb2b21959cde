import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { x as extract } from 'tar'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm'

describe('the package', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'wxstation-package-'))
  let files: string[] = []

  beforeAll(async () => {
    // Scripts would build again while other tests run what is built already.
    const { stdout } = await run(
      npm,
      ['pack', '--json', '--ignore-scripts', '--pack-destination', folder],
      { cwd: root },
    )
    const [packed] = JSON.parse(stdout) as { filename: string; files: { path: string }[] }[]
    files = packed?.files.map(({ path }) => path) ?? []
    await extract({ file: join(folder, packed?.filename ?? ''), cwd: folder })
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction')
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('holds built code, firmware, templates, licence and readme, and nothing of the workshop', () => {
    expect(files).toEqual(
      expect.arrayContaining([
        'LICENSE',
        'README.md',
        'CHANGELOG.md',
        'package.json',
        'bin/wxstation.js',
        'dist/cli/main.js',
        'firmware/catalog.json',
        'firmware/micropython/main.py',
        'templates/weather_record.ddl',
      ]),
    )
    expect(
      files.filter((path) => /^(src|test|\.ci)\/|\.test\.|tsconfig|biome|knip|vitest/.test(path)),
    ).toEqual([])
  })

  it('works from where it was unpacked', async () => {
    const { stdout } = await run(process.execPath, [
      join(folder, 'package', 'bin', 'wxstation.js'),
      '--version',
    ])
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
})

it('the lock names the optional packages of every platform, or npm ci refuses it', () => {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { optionalDependencies?: Record<string, string> }>
  }
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) => !packages[`${path}/node_modules/${name}`] && !packages[`node_modules/${name}`],
    ),
  )
  expect(missing).toEqual([])
})
