/**
 * What a terminal obeys instead of showing it: control characters (an escape sequence begins with
 * one, C1 codes are whole ones) and the marks that turn the direction of text around.
 */
const obeyed = /[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu
/** The same, past our own colors, line ends and tabs. */
const strange = /(\u001b\[[0-9;]*m|[\n\t])|[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu
const mark = '\ufffd'

/** A value from outside (a symbol, a field, a server's words) as it may be printed on a terminal. */
export function harmless(text: string): string {
  return text.replace(obeyed, mark)
}

/** A line that is painted already, whatever got into it. */
export function harmlessLine(line: string): string {
  return line.replace(strange, (_all, own: string | undefined) => own ?? mark)
}
