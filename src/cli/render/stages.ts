import type { Event, StageName } from '../../events.js'
import { flashOutcomes, flashReasons } from './flash.js'
import { provisionOutcomes, provisionReasons } from './provision.js'
import { secondsText } from './tables.js'
import { recordOutcomes } from './timebase.js'

const labels: Record<StageName, string> = {
  connect: 'Board',
  fetch: 'Firmware',
  compare: 'Comparing',
  erase: 'Erasing',
  write: 'Writing',
  verify: 'Verifying',
  boot: 'Booting',
  files: 'Files',
  wifi: 'Wi-Fi',
  timebase: 'TimeBase',
  record: 'Record',
  backup: 'Reading',
  restore: 'Writing',
  export: 'Export',
  import: 'Import',
}

export function stageLabel(stage: StageName): string {
  return labels[stage]
}

type Values = Record<string, string | number | boolean>

const outcomes: Partial<Record<StageName, (values: Values, took: string) => string>> = {
  ...provisionOutcomes,
  ...recordOutcomes,
  ...flashOutcomes,
}

/** The line that stays when a stage is over. */
export function doneText(event: Event & { type: 'done' }): string {
  const took = secondsText(event.elapsedMs)
  return (
    outcomes[event.stage]?.(event.values ?? {}, took) ??
    `${stageLabel(event.stage)} done in ${took}.`
  )
}

const reasons: Record<string, string> = {
  ...provisionReasons,
  ...flashReasons,
  'no-answer': 'waiting for WebAdmin to answer',
  starting: 'WebAdmin is starting',
  'timebase-down': 'WebAdmin answers, waiting for TimeBase',
}

export function waitingText(reason: string, elapsedMs: number): string {
  return `${reasons[reason] ?? reason} (${secondsText(elapsedMs)})`
}
