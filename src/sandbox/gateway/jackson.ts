import { type JavaError, unreadableBody } from './java-error.js'

const source = '[Source: (org.springframework.util.StreamUtils$NonClosingInputStream); line: '

/** The request bodies Spring reads with Jackson: strict JSON, errors in Jackson's words. */
export function parseBody(text: string, model: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>
    }
  } catch {
    throw unreadable(text, model)
  }
  throw unreadableBody(
    `Cannot deserialize value of type \`${model}\` from ${text.trimStart().startsWith('[') ? 'Array value (token `JsonToken.START_ARRAY`)' : 'scalar value'}`,
  )
}

interface Open {
  kind: 'Array' | 'Object'
  line: number
  column: number
  key?: string
  index: number
}

/** Finds how far the text is JSON, and says it as Jackson does. */
function unreadable(text: string, model: string): JavaError {
  const open: Open[] = []
  let line = 1
  let lineStart = 0
  let isKey = false
  for (let at = 0; at < text.length; at++) {
    const one = text[at] ?? ''
    const top = open.at(-1)
    if (one === '\n') {
      line++
      lineStart = at + 1
    } else if (one === '"') {
      const end = endOfString(text, at)
      if (end === undefined) break
      if (isKey && top) top.key = text.slice(at + 1, end)
      at = end
    } else if (one === '{' || one === '[') {
      const kind = one === '{' ? 'Object' : 'Array'
      open.push({ kind, line, column: at - lineStart + 1, index: 0 })
      isKey = one === '{'
    } else if (one === '}' || one === ']') open.pop()
    else if (one === ',') {
      isKey = top?.kind === 'Object'
      if (top) top.index++
    } else if (one === ':') isKey = false
    else if (!/[\s\d+\-.eEtrufalsn]/.test(one)) {
      const where = `${source}${line}, column: ${at - lineStart + 2}]`
      return unreadableBody(
        `Unexpected character ('${one}' (code ${one.charCodeAt(0)})): expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false'); nested exception is com.fasterxml.jackson.core.JsonParseException: Unexpected character ('${one}' (code ${one.charCodeAt(0)})): expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')\n at ${where}`,
      )
    }
  }
  const inner = open.at(-1)
  const start = inner
    ? `expected close marker for ${inner.kind} (start marker at ${source}${inner.line}, column: ${inner.column}])`
    : 'expected a value'
  const what = `Unexpected end-of-input: ${start}`
  const chain = chainOf(open, model)
  const type = chain
    ? 'com.fasterxml.jackson.databind.JsonMappingException'
    : 'com.fasterxml.jackson.core.io.JsonEOFException'
  return unreadableBody(
    `${what}; nested exception is ${type}: ${what}\n at ${source}${line}, column: ${text.length - lineStart + 1}]${chain}`,
  )
}

function endOfString(text: string, start: number): number | undefined {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === '"') return at
  }
  return undefined
}

function chainOf(open: Open[], model: string): string {
  const parts = open.flatMap(({ kind, key, index }, depth) => {
    if (kind === 'Array') return `java.lang.Object[][${index}]`
    if (key === undefined) return []
    return `${depth === 0 ? model : 'java.util.LinkedHashMap'}[\\"${key}\\"]`.replaceAll('\\"', '"')
  })
  return parts.length > 0 ? ` (through reference chain: ${parts.join('->')})` : ''
}

/** A member that does not fit its Java type; `column` is where Jackson stood, just behind the key. */
export function badMember(text: string, member: string, model: string, problem: string): JavaError {
  const at = text.indexOf(`"${member}"`)
  const column = at + member.length + 4
  const what = `Cannot deserialize value of type ${problem}`
  return unreadableBody(
    `${what}; nested exception is com.fasterxml.jackson.databind.exc.InvalidFormatException: ${what}\n at ${source}1, column: ${column}] (through reference chain: ${model}["${member}"])`,
  )
}
