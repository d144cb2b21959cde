import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
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
    for (const name of installed()) {
      const link = join(folder, 'node_modules', name)
      mkdirSync(dirname(link), { recursive: true })
      symlinkSync(join(root, 'node_modules', name), link, 'junction')
    }
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

  it('loads whole with no package but those it depends on', async () => {
    const script = `
      import { readdirSync } from 'node:fs'
      let count = 0
      // A worker's own file runs in a worker only.
      for (const name of readdirSync('dist', { recursive: true }))
        if (name.endsWith('.js') && !name.endsWith('worker.js')) {
          await import('./dist/' + name.replaceAll('\\\\', '/'))
          count++
        }
      console.log(count)
      process.exit()`
    const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script], {
      cwd: join(folder, 'package'),
    })
    expect(Number(stdout)).toBeGreaterThan(200)
  })

  it('works from where it was unpacked', async () => {
    const { stdout } = await run(process.execPath, [
      join(folder, 'package', 'bin', 'wxstation.js'),
      '--version',
    ])
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
})

/** What an installation puts beside the package: all that the lock does not call a tool of development. */
function installed(): string[] {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean }>
  }
  return Object.entries(packages)
    .filter(([, { dev, devOptional }]) => !dev && !devOptional)
    .map(([path]) => path.replace(/^node_modules\//, ''))
    .filter((name) => name !== '' && !name.includes('node_modules/'))
    .filter((name) => existsSync(join(root, 'node_modules', name)))
}

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
