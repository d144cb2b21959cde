import type { Paint } from './paint.js'
import { bytesText, fact, secondsText, table } from './tables.js'

type Values = Record<string, string | number | boolean>

const megabyte = 1024 * 1024
const runtimes: Record<string, string> = { micropython: 'MicroPython', espruino: 'Espruino' }

function runtimeText(runtime: unknown): string {
  return runtimes[String(runtime)] ?? String(runtime)
}

export function revisionText(revision: number): string {
  return `rev ${Math.floor(revision / 100)}.${revision % 100}`
}

function joined(parts: (string | number | boolean | undefined)[]): string {
  return parts.filter(Boolean).join(' · ')
}

/** Facts of `flash` and `board`: chip, firmware and plan on one line each. */
export const flashFacts = {
  chip: (values: Values): string[] => [
    fact(
      'Board',
      joined([
        `${values.chip} ${revisionText(Number(values.revision))}`,
        Number(values.flashSizeBytes) > 0 && `${Number(values.flashSizeBytes) / megabyte} MB`,
        String(values.mac),
        values.isSecured === true && 'secured',
        values.bridge ? `${values.bridge} on ${values.port}` : String(values.port),
      ]),
    ),
  ],
  firmware: ({ runtime, version, name, bytes, trust, from, sha256, idf }: Values): string[] => [
    fact(
      'Firmware',
      joined([
        `${runtimeText(runtime)} ${version}`.trim(),
        String(name),
        bytesText(Number(bytes)),
        idf && `IDF ${idf}`,
        trustText(String(trust), String(sha256)),
        { cache: 'cached', fetched: 'fetched', file: undefined }[String(from)],
      ]),
    ),
  ],
  'flash-plan': (values: Values, paint: Paint): string[] => [
    fact('Plan', values.nothingToDo ? paint.dim('nothing to write') : planText(values)),
  ],
}

function trustText(trust: string, sha256: string): string {
  if (trust === 'pinned') return 'sha256 ok'
  if (trust === 'known') return 'sha256 as the first time'
  const short = `sha256 ${sha256.slice(0, 12)}…`
  return trust === 'first' ? `${short} trusted from now on` : short
}

function planText(values: Values): string {
  const { eraseAll, sectors, sectorsToWrite, queueBytes } = values
  const size = Number(queueBytes) / megabyte
  return [
    eraseAll ? 'erase the whole chip' : undefined,
    Number(sectorsToWrite) > 0 ? `write ${sectorsToWrite} of ${sectors} sectors` : undefined,
    size > 0
      ? `queue's partition ${Number(size.toFixed(2))} MB`
      : values.files === 'unknown'
        ? 'partitions as they are'
        : 'official partitions',
    filesText(values),
  ]
    .filter(Boolean)
    .join(', ')
}

function filesText({
  files,
  movingFiles,
  movingBytes,
  filesFit,
  movesQueue,
  loses,
}: Values): string | undefined {
  const others = String(loses)
    .split(' ')
    .filter((label) => label !== '' && label !== 'vfs' && !(movesQueue && label === 'wxqueue'))
  const fates: Record<string, string> = {
    none: others.length > 0 ? '' : 'no files to keep',
    stay: 'files stay',
    'put-back': 'files put back',
    move:
      movingFiles === undefined
        ? 'a file system that cannot be read must go'
        : `${movingFiles} files (${bytesText(Number(movingBytes))}) must ${filesFit === false ? 'go' : 'move'}${movesQueue ? ', the queue into files with them' : ''}`,
  }
  const lost = others.length > 0 ? `no place for ${others.join(' and ')}` : ''
  return [fates[String(files)], lost].filter(Boolean).join(', ')
}

export const flashOutcomes = {
  boot: (values: Values, took: string): string => {
    const { state, answered, isGone, saidWho, runtime, version } = values
    const done = state === 'already-flashed' ? 'Already flashed' : `Flashed in ${took} and verified`
    if (isGone) return `${done}; its USB port has not come back: tap RESET or plug it in again.`
    if (!answered) return `${done}; this port cannot reset the board: tap RESET to start it.`
    const who = [runtimeText(runtime), version && `v${String(version).replace(/^v/, '')}`]
      .filter(Boolean)
      .join(' ')
    const heard = saidWho ? `${who} answered` : `${who || 'the firmware'} started`
    return state === 'already-flashed'
      ? `Already flashed: nothing was written, ${heard} (${took}).`
      : `Flashed in ${took}: verified, reset, ${heard}.`
  },
  erase: (_: Values, took: string): string => `Erased in ${took}.`,
}

export const flashReasons: Record<string, string> = {
  'hold-boot-tap-reset': 'no answer: hold BOOT, tap RESET, release BOOT; it goes on by itself',
  banner: 'waiting for the firmware to say that it runs',
  'port-back': 'the board starts: waiting for its USB port to come back',
  'tap-reset': 'this port cannot reset the board: tap RESET',
}

export const flashNotices: Record<string, (values: Values) => string> = {
  'slower-baud': ({ rate, used }) => `${rate} baud loses bytes here: going on at ${used} baud`,
  'half-written': () =>
    'the flash is half written and the board will not start; the same command finishes the job',
  'half-restored': () => 'the flash is half written; the same command finishes the job',
  'half-erased': () => 'the flash may be erased in part; the same command finishes the job',
  'files-saved': ({ path, files, bytes, queue }) =>
    `${files} files (${bytesText(Number(bytes))}) ${queue ? 'and the queue ' : ''}saved until they are back on the board: ${path}`,
  'partition-saved': ({ kind, label, path, offset }) => {
    const file = /\s/.test(String(path)) ? `"${path}"` : path
    if (kind === 'queue')
      return `the queue is saved: \`wxstation stream import ${file}\` brings its records into TimeBase`
    const back = `wxstation board restore ${file} --offset 0x${Number(offset).toString(16)}`
    if (kind === 'files')
      return `the files are saved: under MicroPython with the same partitions, \`${back}\` puts them back`
    const name = kind === 'storage' ? "Espruino's storage" : `the partition "${label}"`
    return `${name} is saved: under the firmware it belongs to, \`${back}\` puts it back`
  },
  'files-back': () => 'the files are back on the board',
  'files-wait': ({ path }) =>
    `the board's files are safe in ${path}; the same command puts them back`,
  'not-written': () => 'nothing was written; the board runs what it ran before',
  'written-not-heard': () =>
    'the firmware is written and verified; the board starts it, but was not waited for',
  'plain-offset': ({ offset }) =>
    `an app without bootloader: it goes to 0x${Number(offset).toString(16)}`,
}

interface Outcome {
  port: string
  result?: { chip: string; mac: string; state: string; version: string; elapsedMs: number }
  error?: { message: string; code: string }
}

/** The summary of several boards: one line each. */
export function flashTable(outcomes: Outcome[], paint: Paint): string[] {
  return table(
    [{ title: '' }, { title: 'Port' }, { title: 'Board' }, { title: 'Result' }],
    outcomes.map(({ port, result, error }) =>
      result
        ? [
            paint.good('✔'),
            port,
            `${result.chip} ${result.mac}`,
            `${result.state.replace('-', ' ')} ${result.version} in ${secondsText(result.elapsedMs)}`,
          ]
        : [paint.bad('✖'), port, '', paint.bad(error?.message ?? '')],
    ),
  )
}

interface SeenBoard {
  isSecured: boolean
  partitions: { label: string; type: string | number; offset: number; size: number }[]
  app?: { project: string; version: string; date: string; idfVersion: string }
}

/** The app of a board, its partition table, and what `flash` would make of them. */
export function boardLines({ isSecured, partitions, app }: SeenBoard): string[] {
  if (isSecured) return ['  secured: its flash can be neither read nor written']
  if (partitions.length === 0) return ['  no partition table']
  const has = (name: string): boolean => partitions.some(({ label }) => label === name)
  const advice = has('wxqueue')
    ? "has the station's queue: a reflash keeps files and queue where they are"
    : has('vfs')
      ? 'no queue: `wxstation flash micropython` makes its partition, and asks before files move'
      : 'other firmware: `wxstation flash micropython` lays the flash out anew'
  return [
    fact(
      'App',
      app
        ? joined([`${runtimeText(app.project)} ${app.version}`, app.date, `IDF ${app.idfVersion}`])
        : 'none',
    ),
    fact('Layout', advice),
    fact('Security', 'open: neither secure boot nor flash encryption'),
    ...partitionTable(partitions),
  ]
}

function partitionTable(partitions: SeenBoard['partitions']): string[] {
  return table(
    [
      { title: 'Partition' },
      { title: 'Type' },
      { title: 'Offset', align: 'right' },
      { title: 'Size', align: 'right' },
    ],
    partitions.map(({ label, type, offset, size }) => [
      label,
      String(type),
      `0x${offset.toString(16)}`,
      `${size / 1024} KB`,
    ]),
  )
}
