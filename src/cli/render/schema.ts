import type { SchemaDifference } from '../../timebase/schema-difference.js'
import type { StreamPlan } from '../../timebase/stream.js'
import type { Paint } from './paint.js'
import { fact, table } from './tables.js'

/** One line a stream: created, identical or different; differences follow as a table. */
export function streamPlanLines(
  { stream, action, differences, schema }: StreamPlan,
  paint: Paint,
): string[] {
  const fields = schema.classes.reduce((sum, one) => sum + one.fields.length, 0)
  switch (action) {
    case 'create':
      return [`${paint.good('✔')} ${fact('Stream', `${stream} created, ${fields} fields`)}`]
    case 'keep':
      return [`${paint.good('✔')} ${fact('Stream', `${stream} exists, identical`)}`]
    case 'differs':
      return [
        `${paint.bad('✖')} ${fact('Stream', `${stream} exists and differs: nothing was changed`)}`,
        ...differenceLines(differences, paint).map((line) => `  ${line}`),
      ]
  }
}

/** Differences by field, with what they would cost. */
export function differenceLines(differences: SchemaDifference[], paint: Paint): string[] {
  return table(
    [{ title: 'Field' }, { title: 'Stations send' }, { title: 'TimeBase has' }, { title: 'Then' }],
    differences.map((one) => [
      one.field ?? `class ${one.class}`,
      one.wanted ?? (one.kind === 'missing-class' ? 'this class' : '-'),
      one.found ?? (one.kind === 'extra-class' ? 'this class' : 'nothing'),
      one.loses ? paint.bad(outcome(one)) : paint.dim(outcome(one)),
    ]),
  )
}

function outcome({ kind, loses }: SchemaDifference): string {
  switch (kind) {
    case 'missing-class':
      return 'every record is refused'
    case 'missing-field':
      return 'its values are lost'
    case 'changed-field':
      return loses ? 'values may be lost' : 'no value is lost'
    case 'extra-class':
      return 'stays unused'
    case 'extra-field':
      return loses ? 'every record is refused' : 'stays empty'
  }
}
