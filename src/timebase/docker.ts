import { errnoOf, WxError } from '../errors.js'
import type { System } from '../system.js'

export interface DockerOptions {
  folder: string
  profiles?: string[]
  signal?: AbortSignal
  /** Lets docker print to the terminal itself. */
  inherit?: boolean
  /** What to do where it fails. */
  hint?: string
}

/** Runs `docker compose …` in a folder; throws DOCKER_MISSING or DOCKER_DOWN where it cannot be run. */
export async function dockerCompose(
  args: string[],
  { folder, profiles = [], signal, inherit = false, hint }: DockerOptions,
  system: System,
): Promise<string> {
  const chosen = profiles.flatMap((profile) => ['--profile', profile])
  const run = await docker(
    ['compose', ...chosen, ...args],
    { folder, inherit, ...(signal && { signal }) },
    system,
  )
  if (run.code === 0) return run.stdout
  const words = args.join(' ')
  const last = run.stderr.trim().split('\n').at(-1) ?? ''
  throw new WxError(
    'DOCKER_FAILED',
    `docker compose ${words} ended with code ${run.code}${last ? `: ${last}` : '.'}`,
    {
      ...(hint !== undefined && { hint }),
      details: {
        command: `docker compose ${words}`,
        exitCode: run.code,
        output: run.stderr.slice(-4000),
      },
    },
  )
}

/** Checks that docker, its compose plugin and its engine are there, in the order a user meets them. */
export async function checkDocker(
  folder: string,
  system: System,
  signal?: AbortSignal,
): Promise<void> {
  const options = { folder, inherit: false, ...(signal && { signal }) }
  if ((await docker(['compose', 'version'], options, system)).code !== 0) {
    throw new WxError('DOCKER_MISSING', 'Docker has no compose plugin.', {
      hint: 'Install it: the package is called docker-compose-plugin or docker-compose-v2.',
    })
  }
  const info = await docker(['info', '--format', '{{.ServerVersion}}'], options, system)
  if (info.code === 0) return
  throw new WxError('DOCKER_DOWN', 'Docker is installed, but its engine does not answer.', {
    hint: startHint(system.host.platform),
    details: { output: info.stderr.slice(-2000) },
  })
}

async function docker(
  args: string[],
  { folder, signal, inherit }: { folder: string; signal?: AbortSignal; inherit: boolean },
  system: System,
): Promise<{ code: number; stdout: string; stderr: string }> {
  try {
    return await system.spawn('docker', args, { cwd: folder, inherit, ...(signal && { signal }) })
  } catch (cause) {
    if (errnoOf(cause) !== 'ENOENT') throw cause
    throw new WxError('DOCKER_MISSING', 'There is no docker on this computer.', {
      cause,
      hint: installHint(system.host.platform),
    })
  }
}

function installHint(platform: NodeJS.Platform): string {
  if (platform === 'linux')
    return 'Install Docker Engine with its compose plugin: https://docs.docker.com/engine/install/'
  return 'Install Docker Desktop: https://docs.docker.com/get-started/get-docker/'
}

function startHint(platform: NodeJS.Platform): string {
  if (platform === 'linux')
    return 'Start it with `sudo systemctl start docker`; to use it without sudo: `sudo usermod -aG docker $USER`, then log in again.'
  return 'Start Docker Desktop and wait until it says that the engine runs.'
}
