import { WxError } from '../errors.js'

/** Names that TimeBase, QQL and every file system below it take without surprises. */
const streamName = /^[a-z][a-z0-9_]{0,63}$/

/**
 * Checks the name of a stream to be created. TimeBase itself takes anything, even an empty key,
 * after which it refuses to start again.
 */
export function checkNewStreamName(name: string): string {
  if (streamName.test(name)) return name
  throw new WxError('USAGE', `"${name}" is no good name for a stream.`, {
    hint: 'Use small letters, digits and _, a letter first, 64 at most: for example weather_record.',
    details: { name },
  })
}

/** A name as one segment of a URL's path; `/`, `%` and spaces in it stay part of the name. */
export function pathSegment(name: string): string {
  // URL parsers drop these segments, encoded or not: the request would reach another address.
  if (name === '' || name === '.' || name === '..' || !isWellFormed(name)) {
    throw new WxError('USAGE', `"${name}" cannot be the name of a stream or station.`, {
      hint: 'Run `wxstation stream list` to see the streams there are.',
      details: { name },
    })
  }
  return encodeURIComponent(name)
}

/** A name as a QQL identifier; unquoted ones would turn to upper case. */
export function quoteIdentifier(name: string): string {
  // QQL has no escape that was seen to work for quotes and line ends in a name: refuse those.
  if (name === '' || /["\p{Cc}]/u.test(name) || !isWellFormed(name)) {
    throw new WxError('USAGE', `"${name}" cannot be quoted as a name in a TimeBase statement.`, {
      hint: 'Use a name without quotes and control characters.',
      details: { name },
    })
  }
  return `"${name}"`
}

/** A text as a QQL string literal. */
export function quoteText(text: string): string {
  if (/['\p{Cc}]/u.test(text) || !isWellFormed(text)) {
    throw new WxError('USAGE', 'A text with quotes or control characters cannot be in a statement.')
  }
  return `'${text}'`
}

/** Half a surrogate pair has no UTF-8 form. */
function isWellFormed(text: string): boolean {
  return !/[\ud800-\udfff]/u.test(text)
}
