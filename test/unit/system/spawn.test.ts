import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, it } from 'vitest'

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
