import { join } from 'node:path'
import type { Context } from '../context.js'
import type { AddCommand } from '../main.js'

/** The four commands of the product, as a user types them. */
const steps = [
  ['flash', 'micropython'],
  ['provision', '--wifi'],
  ['stream', 'create'],
  ['tail', '--count', '10'],
]

export const addDemo: AddCommand = (program, handle) => {
  program
    .command('demo')
    .description('take a virtual board from its bag to live weather, without hardware or server')
    .helpGroup('Local')
    .addHelpText('after', '\nExamples:\n  wxstation demo\n  npm run demo')
    .action(handle(runDemo))
}

/** Runs the real program in processes of its own against a sandbox in a temporary folder. */
async function runDemo(
  context: Context,
): Promise<{ data: Record<string, unknown>; exitCode: number }> {
  const { system, signal, paint } = context
  const { startSandbox } = await import('../../sandbox/sandbox.js')
  const folder = await system.files.temporaryFolder('wxstation-demo-')
  const ran: { command: string; exitCode: number }[] = []
  try {
    const sandbox = await startSandbox({ folder, boards: 1, firstPort: 0, faults: {} }, system)
    try {
      const env = {
        ...withoutSettings(system.env),
        ...sandbox.environment,
        WXSTATION_HOME: join(folder, 'home'),
      }
      for (const args of steps) {
        signal.throwIfAborted()
        const command = `wxstation ${args.join(' ')}`
        if (!context.options.json)
          await context.emit(`${ran.length > 0 ? '\n' : ''}${paint.bold(`$ ${command}`)}`)
        const { code } = await system.spawn(
          system.host.execPath,
          [join(system.packageFolder, 'bin', 'wxstation.js'), ...args],
          {
            cwd: folder,
            env,
            signal,
            inherit: !context.options.json,
          },
        )
        ran.push({ command, exitCode: code })
        if (code !== 0) break
      }
    } finally {
      await sandbox.stop()
    }
  } finally {
    await system.files.remove(folder)
  }
  return { data: { steps: ran }, exitCode: ran.at(-1)?.exitCode ?? 0 }
}

/** The user's own settings and proxies say nothing about the demo's boards and server. */
function withoutSettings(env: Record<string, string | undefined>): Record<string, undefined> {
  const names = Object.keys(env).filter((name) => /^WXSTATION_|^https?_proxy$/i.test(name))
  return Object.fromEntries(names.map((name) => [name, undefined]))
}
