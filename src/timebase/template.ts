import { WxError } from '../errors.js'

/** Writes a record by a template; `fields` are those it shows. */
export type Template = ((values: Record<string, unknown>) => string) & {
  fields: ReadonlySet<string>
}

/**
 * Reads a template such as `{time} {name}: {temperature:1} °C\t{humidity}`: text with {field} or
 * {field:digits} in it; `{{` and `}}` are braces, `\t` `\n` `\\` as everywhere. A field that a
 * record lacks is written as `-`. Throws USAGE where a brace does not fit.
 */
export function parseTemplate(source: string): Template {
  const parts: (string | ((values: Record<string, unknown>) => string))[] = []
  const pattern = /\{\{|\}\}|\{([\w$.-]+)(?::(\d{1,2}))?\}|\\[tn\\]|[{}]/g
  const fields = new Set<string>()
  let end = 0
  for (const match of source.matchAll(pattern)) {
    const [all, field, digits] = match
    parts.push(source.slice(end, match.index))
    end = match.index + all.length
    if (field !== undefined) {
      fields.add(field)
      parts.push((values) => valueText(values[field], digits))
    } else if (all.length === 1) {
      throw new WxError(
        'USAGE',
        `The template is not understood at "${source.slice(match.index, match.index + 16)}".`,
        { hint: "Write for example --format '{time} {name} {temperature:1}'; {{ is a brace." },
      )
    } else parts.push(literals[all] ?? all)
  }
  parts.push(source.slice(end))
  const write = (values: Record<string, unknown>): string =>
    parts.map((part) => (typeof part === 'string' ? part : part(values))).join('')
  return Object.assign(write, { fields })
}

const literals: Record<string, string> = {
  '{{': '{',
  '}}': '}',
  '\\t': '\t',
  '\\n': '\n',
  '\\\\': '\\',
}

function valueText(value: unknown, digits: string | undefined): string {
  if (value === undefined || value === null) return '-'
  if (typeof value === 'number' && digits !== undefined) {
    return value.toFixed(Math.min(20, Number(digits)))
  }
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
