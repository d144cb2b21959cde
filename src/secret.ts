const dots = '••••••'

/**
 * A password or key. Whatever prints it (string conversion, JSON, inspection) prints dots;
 * only `reveal()` gives the text, and only the code that sends or stores it calls that.
 */
export class Secret {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  reveal(): string {
    return this.#text
  }

  get isEmpty(): boolean {
    return this.#text === ''
  }

  toString(): string {
    return dots
  }

  toJSON(): string {
    return dots
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return dots
  }
}
