/** Stages of a task, in the words of the field; the renderer has a line for each. */
export type StageName =
  | 'connect'
  | 'fetch'
  | 'compare'
  | 'erase'
  | 'write'
  | 'verify'
  | 'boot'
  | 'files'
  | 'wifi'
  | 'timebase'
  | 'record'
  | 'backup'
  | 'restore'
  | 'export'
  | 'import'

export type Unit = 'bytes' | 'sectors' | 'files' | 'records'

/** Facts found out on the way; each has its line in cli/render/facts.ts. */
export type Fact =
  | { kind: 'board'; values: Record<string, string | number | boolean> }
  | { kind: 'chip'; values: Record<string, string | number | boolean> }
  | { kind: 'flash-plan'; values: Record<string, string | number | boolean> }
  | { kind: 'firmware'; values: Record<string, string | number | boolean> }
  | { kind: 'station'; values: Record<string, string | number | boolean> }
  | { kind: 'changes'; values: Record<string, string | number | boolean> }
  | { kind: 'queue'; values: Record<string, string | number | boolean> }
  | { kind: 'records'; values: Record<string, string | number | boolean> }
  | { kind: 'plan'; values: Record<string, string | number | boolean> }

/**
 * Everything a running task can report. Events carry numbers and names, never sentences:
 * the renderer makes words, rates and colors. `board` names the port where several run.
 */
export type Event =
  | { type: 'fact'; fact: Fact; board?: string }
  | { type: 'stage'; stage: StageName; board?: string }
  | {
      type: 'progress'
      stage: StageName
      done: number
      /** 0 where nobody knows. */
      total: number
      unit: Unit
      /** How far it is, 0 to 1, where that does not follow from done and total. */
      share?: number
      board?: string
    }
  | {
      type: 'done'
      stage: StageName
      elapsedMs: number
      values?: Record<string, string | number | boolean>
      board?: string
    }
  | { type: 'waiting'; stage: StageName; reason: string; elapsedMs: number; board?: string }
  | {
      type: 'notice'
      notice: string
      values?: Record<string, string | number | boolean>
      board?: string
    }
  /** One of several is over before its end; the others go on. */
  | { type: 'failed'; error: unknown; board: string }
  /** The last line of a command that streams; each has its text in cli/render/notices.ts. */
  | { type: 'summary'; summary: 'tail'; values: Record<string, number> }
  | { type: 'debug'; area: string; text: string }

export type Report = (event: Event) => void

/** Reports with the board's name, where several run. */
export function forBoard(report: Report, board: string | undefined): Report {
  if (board === undefined) return report
  return (event) =>
    report(event.type === 'debug' || event.type === 'summary' ? event : { ...event, board })
}
