import { type Element, elementText } from './gson.js'
import { JavaError } from './java-error.js'
import { type Field, fieldsOf, type Schema } from './schema.js'
import type { ByteReader, ByteWriter } from './store/bytes.js'
import { codecOf, type Value, type ValueCodec } from './values.js'

const encoder = 'com.epam.deltix.qsrv.hf.pub.codec.intp.FixedUnboundEncoderImpl'

/** The fields of one class: a bit for each that has a value, then the values in order. */
export class ClassCodec {
  readonly fields: Field[]
  private readonly kept: { field: Field; codec: ValueCodec; prefix: string }[]
  private readonly statics: string
  private readonly bitBytes: number

  constructor(
    readonly name: string,
    schema: Schema,
  ) {
    this.fields = fieldsOf(schema, name)
    this.kept = this.fields
      .filter((field) => !field.static)
      .map((field) => ({
        field,
        codec: codecOf(field.type, schema, `${name}.${field.name}`, field),
        prefix: `,"${field.name}":`,
      }))
    this.bitBytes = Math.ceil(this.kept.length / 8)
    this.statics = this.fields
      .filter((field) => field.static && field.value !== null)
      .map(({ name: field, value, type }) => {
        const isPlain = type.name === 'INTEGER' || type.name === 'BOOLEAN'
        return `,${JSON.stringify(field)}:${isPlain ? value : JSON.stringify(value)}`
      })
      .join('')
  }

  /** Appends the members that are fields; others are dropped without a word, as the server does. */
  encode(members: Map<string, Element>, out: ByteWriter): void {
    const at = out.reserve(this.bitBytes)
    for (const [i, { field, codec }] of this.kept.entries()) {
      const value = members.get(field.name)
      if (value !== undefined && value !== null && codec.encode(value, out)) out.setBit(at, i)
      // The server does not notice that the last field of a class is missing.
      else if (!field.type.nullable && i < this.kept.length - 1) {
        throw new JavaError(
          'java.lang.IllegalArgumentException',
          `'${field.name}' field is not nullable`,
          `${encoder}.writeNull(FixedUnboundEncoderImpl.java:162)`,
        )
      }
    }
  }

  /** `,"field":value` for each field that has one. */
  text(from: ByteReader, withStatics: boolean): string {
    const at = from.at
    from.at += this.bitBytes
    let text = ''
    for (let i = 0; i < this.kept.length; i++) {
      const { codec, prefix } = this.kept[i] as (typeof this.kept)[number]
      if (from.hasBit(at, i)) text += prefix + codec.text(from)
    }
    return withStatics ? text + this.statics : text
  }

  values(from: ByteReader): Map<string, Value> {
    const at = from.at
    from.at += this.bitBytes
    const found = new Map<string, Value>()
    for (const [i, { field, codec }] of this.kept.entries()) {
      found.set(field.name, from.hasBit(at, i) ? codec.value(from) : null)
    }
    for (const field of this.fields) if (field.static) found.set(field.name, field.value)
    return found
  }
}

/** A nested object of one of several classes. */
export class ObjectCodec implements ValueCodec {
  private readonly classes: ClassCodec[]

  constructor(schema: Schema, names: string[]) {
    this.classes = names.map((name) => new ClassCodec(name, schema))
  }

  encode(value: Element, out: ByteWriter): boolean {
    if (!(value instanceof Map)) {
      throw new JavaError(
        'java.lang.IllegalStateException',
        `Not a JSON Object: ${elementText(value)}`,
        'com.google.gson.JsonElement.getAsJsonObject(JsonElement.java:92)',
      )
    }
    const type = value.get('$type')
    const index = this.classes.findIndex(
      ({ name }) => typeof type !== 'string' || name.endsWith(type),
    )
    if (index < 0) throw undefinedType(value)
    out.u8(index)
    this.classes[index]?.encode(value, out)
    return true
  }

  text(from: ByteReader): string {
    const codec = this.classes[from.u8()] as ClassCodec
    return `{"$type":${JSON.stringify(codec.name)}${codec.text(from, false)}}`
  }

  value(from: ByteReader): Value {
    return this.text(from)
  }
}

export const undefinedType = (message: Map<string, Element>): JavaError =>
  new JavaError(
    'java.lang.IllegalStateException',
    `Undefined object type for the ${elementText(message)}`,
    'com.epam.deltix.qsrv.hf.pub.UnboundWriter.matchObjectType(UnboundWriter.java:69)',
  )
