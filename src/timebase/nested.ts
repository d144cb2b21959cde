/** The value of an ARRAY, OBJECT or BINARY field: JSON within JSON, and its text anywhere else. */
export class Nested {
  constructor(private readonly value: object) {}

  toJSON(): object {
    return this.value
  }

  toString(): string {
    return JSON.stringify(this.value)
  }
}

/** Types whose values are arrays or objects in JSON. */
const nestedTypes = ['ARRAY', 'OBJECT', 'BINARY']

export function isNested(type: string): boolean {
  return nestedTypes.includes(type)
}

/** A nested value out of JSON, or out of its text as CSV holds it; undefined where it is neither. */
export function nestedValue(value: unknown): Nested | undefined {
  if (typeof value !== 'string')
    return value !== null && typeof value === 'object' ? new Nested(value) : undefined
  try {
    const parsed: unknown = JSON.parse(value)
    return typeof parsed === 'string' ? undefined : nestedValue(parsed)
  } catch {
    return undefined
  }
}
