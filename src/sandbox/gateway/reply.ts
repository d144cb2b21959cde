import { JavaError } from './java-error.js'
import { bootTime } from './time.js'

/** An answer before it is put on the wire. */
export interface Reply {
  status: number
  headers: Record<string, string>
  /** Text goes out chunked, as the server sends all it generates; undefined = no body, length 0. */
  body?: string | Uint8Array | AsyncIterable<string>
  /** Sends a text body with its length instead of in chunks. */
  withLength?: boolean
}

export const json = (body: string | AsyncIterable<string>, status = 200): Reply => ({
  status,
  headers: { 'Content-Type': 'application/json' },
  body,
})

export const empty = (status = 200): Reply => ({ status, headers: {} })

/** A select's answer: JSON that does not say so. */
export const untyped = (body: string | AsyncIterable<string>): Reply => ({
  status: 200,
  headers: {},
  body,
})

const bootReasons: Record<number, string> = {
  401: 'Unauthorized',
  404: 'Not Found',
  503: 'Service Unavailable',
}

/** Spring Boot's own error page. */
export const bootPage = (status: number, path: string, now: number): Reply =>
  json(
    JSON.stringify({ timestamp: bootTime(now), status, error: bootReasons[status], path }),
    status,
  )

export const apiError = (error: unknown, now: number): Reply => {
  const java =
    error instanceof JavaError
      ? error
      : new JavaError(
          'java.lang.IllegalStateException',
          String(error),
          'com.epam.deltix.tbwg.webapp.controllers.TimebaseController.handle(TimebaseController.java:1)',
        )
  return json(java.apiError(now), java.status)
}

/** OAuth2's error shape, with the challenge its library adds. */
export function oauthError(
  status: number,
  error: string,
  description: string,
  challenge?: string,
  extra: Record<string, string> = {},
): Reply {
  return {
    status,
    headers: {
      'Cache-Control': 'no-store',
      Pragma: 'no-cache',
      ...(challenge !== undefined && { 'WWW-Authenticate': challenge }),
      'Content-Type': 'application/json',
    },
    body: JSON.stringify({ error, error_description: description, ...extra }),
  }
}
