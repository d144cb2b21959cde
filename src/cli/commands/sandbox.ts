import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Option } from 'commander'
import { WxError } from '../../errors.js'
import type { Sandbox } from '../../sandbox/sandbox.js'
import type { Context } from '../context.js'
import type { AddCommand } from '../main.js'
import { parseCount } from '../options.js'
import { fact } from '../render/tables.js'

interface SandboxFlags {
  boards: number
  folder?: string
  firstPort: number
  fault?: string[]
  writeEnv?: string
}

/** Faults by the name a person types; `name=value` gives those with a number or a list theirs. */
const faultNames = {
  unplugged: 'unplugged',
  'busy-main': 'busyMain',
  'lost-bytes': 'loseOneByteIn',
  'power-cut': 'cutPowerAtFlashOperation',
  'wrong-password': 'wrongPassword',
  'no-address': 'noAddress',
  'access-point-gone': 'accessPointGone',
  signal: 'signalDbm',
  'no-ntp': 'noNtp',
  'dead-sensor': 'deadSensors',
  'stuck-bus': 'stuckBus',
} as const

type FaultName = keyof typeof faultNames
type Fault = [(typeof faultNames)[FaultName], boolean | number | string[] | undefined]

export const addSandbox: AddCommand = (program, handle) => {
  program
    .command('sandbox')
    .description('run virtual boards, a local gateway and a firmware mirror until Ctrl-C')
    .helpGroup('Local')
    .addOption(new Option('--boards <n>', 'virtual boards').argParser(parseCount).default(1))
    .option(
      '--folder <folder>',
      'where flash images and records are kept (default: the data folder)',
    )
    .addOption(
      new Option('--first-port <port>', 'first TCP port to use, 0 for free ones')
        .argParser(Number)
        .default(2217),
    )
    .option(
      '--fault <name[=value]...>',
      `faults from the start: ${Object.keys(faultNames).join(', ')}`,
    )
    // Not --env-file: Node 20 takes that one for itself, wherever it stands.
    .option('--write-env <file>', 'also write the environment to a file that a shell can source')
    .addHelpText(
      'after',
      '\nWhile it runs, type: fault <name[=value]>, mend <name>, boards,\nor power to cut and restore it.\n\nExamples:\n  wxstation sandbox\n  wxstation sandbox --boards 3 --fault wrong-password',
    )
    .action(handle((context, flags: SandboxFlags) => runSandbox(context, flags)))
}

async function runSandbox(context: Context, flags: SandboxFlags): Promise<undefined> {
  const { system, signal, paint, options } = context
  const { startSandbox } = await import('../../sandbox/sandbox.js')
  const faults = Object.fromEntries((flags.fault ?? []).map((text) => parseFault(text, true)))
  const folder = flags.folder ?? join(system.folders.data, 'sandbox')
  await system.files.makeFolder(folder)
  const sandbox = await startSandbox(
    { folder, boards: flags.boards, firstPort: flags.firstPort, faults },
    system,
  )
  const stopListening = listen(context, sandbox)
  try {
    const exports = Object.entries(sandbox.environment).map(
      ([name, value]) => `export ${name}='${value}'`,
    )
    if (flags.writeEnv)
      await system.files.write(flags.writeEnv, `${exports.join('\n')}\n`, { mode: 0o600 })
    if (options.json) {
      await context.emit(
        JSON.stringify({
          boards: sandbox.boards.map(({ name, rfc2217Url, socketUrl, webReplHost }) => ({
            name,
            rfc2217Url,
            socketUrl,
            webReplHost,
          })),
          gateway: sandbox.gateway.url,
          mirror: sandbox.mirror.url,
          folder,
          environment: sandbox.environment,
        }),
      )
    } else {
      for (const { name, rfc2217Url, socketUrl, webReplHost } of sandbox.boards) {
        await context.emit(fact('Board', `${name} · ${rfc2217Url} · ${socketUrl}`))
        await context.emit(fact('', `--host ${webReplHost} once its station has WebREPL`))
      }
      await context.emit(fact('Gateway', `${sandbox.gateway.url} · user ${sandbox.gateway.user}`))
      await context.emit(fact('Mirror', sandbox.mirror.url))
      await context.emit(fact('Folder', folder))
      await context.emit('\nIn another terminal:')
      for (const line of exports) await context.emit(`  ${line}`)
      await context.emit(paint.dim('\nCtrl-C stops it; flash images and records are kept.'))
    }
    // Running until it is told to end is what this command is for: Ctrl-C is its normal end.
    await new Promise<void>((resolve) =>
      signal.addEventListener('abort', () => resolve(), { once: true }),
    )
  } finally {
    stopListening()
    await sandbox.stop()
  }
  return undefined
}

/** Takes `fault`, `mend`, `power` and `boards` lines while the sandbox runs. */
function listen({ system, paint }: Context, { boards }: Sandbox): () => void {
  const lines = createInterface({ input: system.terminal.stdin, terminal: false })
  const say = (text: string): void => void system.terminal.stderr.write(`${text}\n`)
  lines.on('line', (line) => {
    const [verb, argument] = line.trim().split(/\s+/)
    try {
      if (verb === 'fault' || verb === 'mend') {
        const [name, value] = parseFault(argument ?? '', verb === 'fault')
        for (const board of boards) Object.assign(board.faults, { [name]: value })
        say(paint.dim(`${verb === 'fault' ? 'broken' : 'mended'}: ${argument}`))
      } else if (verb === 'power') {
        for (const board of boards) void board.powerCycle()
        say(paint.dim('power cut and restored'))
      } else if (verb === 'boards') {
        for (const board of boards) say(`${board.name} ${JSON.stringify(board.faults)}`)
      } else if (verb) {
        say('Type: fault <name[=value]>, mend <name>, power or boards.')
      }
    } catch (error) {
      say(error instanceof WxError ? `${error.message} ${error.hint}` : String(error))
    }
  })
  return () => lines.close()
}

function parseFault(text: string, on: boolean): Fault {
  const [name = '', value] = text.split('=')
  const field = faultNames[name as FaultName]
  if (!field) {
    throw new WxError('USAGE', `There is no fault "${name}".`, {
      hint: `Faults: ${Object.keys(faultNames).join(', ')}.`,
    })
  }
  if (field === 'deadSensors') return [field, on ? (value ?? 'am2320').split(',') : []]
  if (field === 'signalDbm') return [field, on ? Number(value ?? -90) : undefined]
  if (field === 'loseOneByteIn' || field === 'cutPowerAtFlashOperation')
    return [field, on ? Number(value ?? 1000) : 0]
  return [field, on]
}
