import type { Field, RecordClass } from './schema.js'

/** One thing in which a stream is not what we would create. */
export interface SchemaDifference {
  kind: 'missing-class' | 'extra-class' | 'missing-field' | 'extra-field' | 'changed-field'
  class: string
  field?: string
  /** What we need, for example `FLOAT IEEE32`. */
  wanted?: string
  /** What the server has. */
  found?: string
  /** Whether values that stations send would be lost or changed on the way. */
  loses: boolean
}

/** Compares class by class and field by field; titles and the order of fields do not count. */
export function compareSchemas(wanted: RecordClass[], found: RecordClass[]): SchemaDifference[] {
  const differences: SchemaDifference[] = []
  for (const one of wanted) {
    const other = found.find(({ name }) => name === one.name)
    if (other) differences.push(...compareFields(one, other))
    else differences.push({ kind: 'missing-class', class: one.name, loses: true })
  }
  for (const { name } of found) {
    if (!wanted.some((one) => one.name === name))
      differences.push({ kind: 'extra-class', class: name, loses: false })
  }
  return differences
}

function compareFields(wanted: RecordClass, found: RecordClass): SchemaDifference[] {
  const differences: SchemaDifference[] = []
  for (const field of wanted.fields) {
    const other = found.fields.find(({ name }) => name === field.name)
    const at = { class: wanted.name, field: field.name, wanted: fieldText(field) }
    // A server drops unknown fields of a written record without a word.
    if (!other) differences.push({ kind: 'missing-field', ...at, loses: true })
    else if (fieldText(field) !== fieldText(other))
      differences.push({
        kind: 'changed-field',
        ...at,
        found: fieldText(other),
        loses: narrows(field, other),
      })
  }
  for (const field of found.fields) {
    if (wanted.fields.some(({ name }) => name === field.name)) continue
    // A NOT NULL field that nobody sends makes the server refuse every record.
    differences.push({
      kind: 'extra-field',
      class: wanted.name,
      field: field.name,
      found: fieldText(field),
      loses: !field.nullable && !field.isStatic,
    })
  }
  return differences
}

/** `FLOAT IEEE32`, `INTEGER NOT NULL INT32`: a field's type in the words of the DDL. */
export function fieldText({ type, encoding, nullable, isStatic }: Field): string {
  const parts = [
    isStatic ? 'STATIC' : '',
    type,
    nullable ? '' : 'NOT NULL',
    normalEncoding(encoding),
  ]
  return parts.filter((part) => part !== '').join(' ')
}

/** DDL, describe and JSON spell the same encodings in different ways. */
function normalEncoding(encoding: string | undefined): string {
  const spelled = (encoding ?? '').toUpperCase().replace(/\s/g, '')
  const same: { [spelled: string]: string } = {
    'BINARY(32)': 'IEEE32',
    'BINARY(64)': 'IEEE64',
    'SIGNED(8)': 'INT8',
    'SIGNED(16)': 'INT16',
    'SIGNED(32)': 'INT32',
    'SIGNED(64)': 'INT64',
  }
  return same[spelled] ?? spelled
}

/** Whether a value of `wanted` may not survive in `found`. */
function narrows(wanted: Field, found: Field): boolean {
  // What is written to a static field is ignored.
  if (wanted.type !== found.type || found.isStatic || (wanted.nullable && !found.nullable))
    return true
  const widths: { [encoding: string]: number } = {
    IEEE32: 32,
    IEEE64: 64,
    INT8: 8,
    INT16: 16,
    INT32: 32,
    INT48: 48,
    INT64: 64,
  }
  const from = widths[normalEncoding(wanted.encoding)]
  const to = widths[normalEncoding(found.encoding)]
  return from === undefined || to === undefined || to < from
}
