import { JavaError } from './java-error.js'

/** A number keeps the text it was written with: 64-bit integers and echoes need it. */
export class NumberText {
  constructor(readonly text: string) {}
}

export type Element = string | boolean | null | NumberText | Element[] | Map<string, Element>

const endOfLiteral = new Set('{}[]:,;=#/\\ \t\f\r\n')
const escapes: Record<string, string> = {
  t: '\t',
  b: '\b',
  n: '\n',
  r: '\r',
  f: '\f',
  '\n': '\n',
  "'": "'",
  '"': '"',
  '\\': '\\',
  '/': '/',
}
const number = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/

/** Reads JSON the way Gson's lenient reader does, with its error texts and paths. */
class Reader {
  private at = 0
  private readonly path: (string | number)[] = []

  constructor(private readonly text: string) {}

  document(): Element {
    const value = this.value(false)
    this.skip()
    if (this.at < this.text.length) {
      throw this.broken('Use JsonReader.setLenient(true) to accept malformed JSON')
    }
    return value
  }

  private value(inArray: boolean): Element {
    this.skip()
    const next = this.text[this.at]
    if (next === undefined) throw this.ended()
    if (next === '{') return this.object()
    if (next === '[') return this.array()
    if (next === '"' || next === "'") return this.quoted(next)
    // Between two separators the lenient reader sees a null.
    if (inArray && (next === ',' || next === ';' || next === ']')) return null
    return this.literal()
  }

  private object(): Map<string, Element> {
    const members = new Map<string, Element>()
    this.at++
    this.path.push('')
    this.skip()
    if (this.text[this.at] === '}') {
      this.at++
      this.path.pop()
      return members
    }
    while (true) {
      this.skip()
      const next = this.text[this.at]
      if (next === undefined) throw this.ended()
      const isQuoted = next === '"' || next === "'"
      const name = isQuoted ? this.quoted(next) : this.unquoted()
      if (name === '' && !isQuoted) throw this.broken('Expected name')
      this.path[this.path.length - 1] = `.${name}`
      this.skip()
      const separator = this.text[this.at]
      if (separator === undefined) throw this.ended()
      if (separator !== ':' && separator !== '=') throw this.broken("Expected ':'")
      this.at++
      if (separator === '=' && this.text[this.at] === '>') this.at++
      members.set(name, this.value(false))
      this.skip()
      const after = this.text[this.at]
      if (after === undefined) throw this.ended()
      this.at++
      if (after === '}') break
      if (after !== ',' && after !== ';') {
        this.at--
        throw this.broken('Unterminated object')
      }
    }
    this.path.pop()
    return members
  }

  private array(): Element[] {
    const items: Element[] = []
    this.at++
    this.path.push(0)
    this.skip()
    if (this.text[this.at] === ']') {
      this.at++
      this.path.pop()
      return items
    }
    while (true) {
      this.path[this.path.length - 1] = items.length
      items.push(this.value(true))
      this.skip()
      const after = this.text[this.at]
      if (after === undefined) throw this.ended()
      this.at++
      if (after === ']') break
      if (after !== ',' && after !== ';') {
        this.at--
        throw this.broken('Unterminated array')
      }
    }
    this.path.pop()
    return items
  }

  private quoted(quote: string): string {
    const start = ++this.at
    const end = this.text.indexOf(quote, start)
    if (end >= 0) {
      const plain = this.text.slice(start, end)
      if (!plain.includes('\\')) {
        this.at = end + 1
        return plain
      }
    }
    let result = ''
    while (true) {
      const next = this.text[this.at++]
      if (next === undefined) throw this.broken('Unterminated string')
      if (next === quote) return result
      if (next !== '\\') result += next
      else if (this.text[this.at] === 'u') {
        const digits = this.text.slice(this.at + 1, this.at + 5)
        if (!/^[0-9a-fA-F]{4}$/.test(digits)) {
          throw new JavaError(
            'java.lang.NumberFormatException',
            `\\u${digits}`,
            'com.google.gson.stream.JsonReader.readEscapeCharacter(JsonReader.java:1594)',
            400,
          )
        }
        result += String.fromCharCode(Number.parseInt(digits, 16))
        this.at += 5
      } else {
        const plain = escapes[this.text[this.at] ?? '']
        if (plain === undefined) throw this.broken('Invalid escape sequence')
        result += plain
        this.at++
      }
    }
  }

  private unquoted(): string {
    const start = this.at
    while (this.at < this.text.length && !endOfLiteral.has(this.text[this.at] ?? '')) this.at++
    return this.text.slice(start, this.at)
  }

  private literal(): Element {
    const text = this.unquoted()
    if (text === '') throw this.broken('Expected value')
    if (number.test(text)) return new NumberText(text)
    const lower = text.toLowerCase()
    if (lower === 'true' || lower === 'false') return lower === 'true'
    return lower === 'null' ? null : text
  }

  private skip(): void {
    while (this.at < this.text.length) {
      const next = this.text.charCodeAt(this.at)
      if (next === 32 || next === 10 || next === 13 || next === 9) this.at++
      else if (next === 35 || this.text.startsWith('//', this.at)) {
        const end = this.text.indexOf('\n', this.at)
        this.at = end < 0 ? this.text.length : end + 1
      } else if (this.text.startsWith('/*', this.at)) {
        const end = this.text.indexOf('*/', this.at + 2)
        if (end < 0) throw this.broken('Unterminated comment')
        this.at = end + 2
      } else return
    }
  }

  private where(): string {
    const before = this.text.slice(0, this.at)
    const line = before.split('\n').length
    const column = this.at - (before.lastIndexOf('\n') + 1) + 1
    const path = this.path.map((part) => (typeof part === 'number' ? `[${part}]` : part || '.'))
    return `at line ${line} column ${column} path $${path.join('')}`
  }

  private broken(what: string): JavaError {
    return syntaxError(`com.google.gson.stream.MalformedJsonException: ${what} ${this.where()}`)
  }

  private ended(): JavaError {
    this.at = this.text.length
    return syntaxError(`java.io.EOFException: End of input ${this.where()}`)
  }
}

function syntaxError(text: string): JavaError {
  return new JavaError(
    'com.google.gson.JsonSyntaxException',
    text,
    'com.google.gson.internal.Streams.parse(Streams.java:58)',
  )
}

export function parseLenient(text: string): Element {
  return new Reader(text).document()
}

const shortEscapes: Record<string, string> = {
  '"': '\\"',
  '\\': '\\\\',
  '\t': '\\t',
  '\b': '\\b',
  '\n': '\\n',
  '\r': '\\r',
  '\f': '\\f',
}
const unicode = (one: string): string => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`
const mustEscape = /["\\\u0000-\u001f\u2028\u2029]/
const mustEscapeHtml = /["\\\u0000-\u001f\u2028\u2029<>&='\u007f]/

/** A JSON string as Gson writes it into a select's answer: also safe inside HTML. */
export function htmlSafe(text: string): string {
  if (!mustEscapeHtml.test(text)) return `"${text}"`
  const body = text.replace(
    /["\\\u0000-\u001f\u2028\u2029<>&=']/g,
    (one) => shortEscapes[one] ?? unicode(one),
  )
  return `"${body}"`
}

function quotedText(text: string): string {
  if (!mustEscape.test(text)) return `"${text}"`
  const body = text.replace(
    /["\\\u0000-\u001f\u2028\u2029]/g,
    (one) => shortEscapes[one] ?? unicode(one),
  )
  return `"${body}"`
}

/** What Gson's JsonElement.toString() gives: the echo of a refused message. */
export function elementText(element: Element | undefined): string {
  if (element === undefined || element === null) return 'null'
  if (typeof element === 'boolean') return String(element)
  if (typeof element === 'string') return quotedText(element)
  if (element instanceof NumberText) return element.text
  if (Array.isArray(element)) return `[${element.map(elementText).join(',')}]`
  const members = [...element].map(([name, value]) => `${quotedText(name)}:${elementText(value)}`)
  return `{${members.join(',')}}`
}

/** The Gson class of an element, for its ClassCastException. */
export function elementClass(element: Element): string {
  if (element === null) return 'JsonNull'
  if (Array.isArray(element)) return 'JsonArray'
  return element instanceof Map ? 'JsonObject' : 'JsonPrimitive'
}

/** The text of the exception Java throws when `element` was expected to be a `wanted`. */
export function castError(element: Element, wanted: 'JsonArray' | 'JsonObject'): string {
  const is = `com.google.gson.${elementClass(element)}`
  const want = `com.google.gson.${wanted}`
  return `class ${is} cannot be cast to class ${want} (${is} and ${want} are in unnamed module of loader org.springframework.boot.loader.LaunchedURLClassLoader @5e91993f)`
}
