import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, it } from 'vitest'
import { nodeSpawn } from '../../../src/system/spawn.js'

it('shows what a child prints, and lets nobody type into it', async () => {
  const built = new URL('../../../dist/system/spawn.js', import.meta.url).href
  const child =
    "process.stdin.on('data',(d)=>console.log('got '+d)).on('end',()=>console.log('end'))"
  const parent = `
    const { nodeSpawn } = await import(${JSON.stringify(built)})
    await nodeSpawn(process.execPath, ['-e', ${JSON.stringify(child)}], { inherit: true })`
  const shell = spawn(process.execPath, ['--input-type=module', '-e', parent], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let printed = ''
  shell.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text
  })
  shell.stdin.end('typed')
  await once(shell, 'close')
  expect(printed).toBe('end\n')
})

it.skipIf(process.platform === 'win32').each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
])('answers of a child that ended by %s what a shell would', async (signal, code) => {
  const child = `process.kill(process.pid, '${signal}'); setTimeout(() => {}, 60_000)`
  expect(await nodeSpawn(process.execPath, ['-e', child])).toMatchObject({ code })
})
