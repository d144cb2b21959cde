import { fileError, isAbort, WxError } from '../../errors.js'
import type { GlobalOptions } from '../context.js'
import { harmlessLine } from './harmless.js'
import type { Paint } from './paint.js'

/** Turns anything thrown into a WxError: what is not one already is a fault of ours. */
export function asWxError(error: unknown): WxError {
  if (error instanceof WxError) return error
  if (isAbort(error)) return new WxError('INTERRUPTED', 'Interrupted.', { cause: error })
  const refusal = fileError(error)
  if (refusal) return refusal
  const text = error instanceof Error ? error.message : String(error)
  return new WxError('FAULT', `Something went wrong inside wxstation: ${text}`, { cause: error })
}

/** What happened, what to do, and the code a script or a search engine can use. */
export function errorLines(
  error: WxError,
  paint: Paint,
  options: Pick<GlobalOptions, 'debug'>,
): string[] {
  const lines = failureLines(error, paint)
  lines.push(
    paint.dim(`  [${error.code.toLowerCase().replaceAll('_', '-')}, exit ${error.exitCode}]`),
  )
  if (options.debug) {
    for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
      lines.push(paint.dim(cause.stack ?? cause.message))
    }
  }
  return lines.map(harmlessLine)
}

/** What happened and what to do; all that a board shows which fails while others go on. */
export function failureLines(error: unknown, paint: Paint): string[] {
  const { message, hint } = asWxError(error)
  return [`${paint.bad('✖')} ${message}`, ...hint.split('\n').map((line) => `  ${line}`)]
}

export function errorData(error: WxError): Record<string, unknown> {
  const { code, message, hint, details, exitCode } = error
  return {
    error: { code, message, hint, exitCode, ...(Object.keys(details).length > 0 && { details }) },
  }
}
