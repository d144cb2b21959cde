import { stackTrace } from './stack.js'
import { isoNanos } from './time.js'

const reasons: Record<number, string> = {
  400: 'Bad Request',
  403: 'Forbidden',
  500: 'Internal Server Error',
}

/** A Java exception as the server meets it; `frame` is where it was thrown ('' = no trace at all). */
export class JavaError extends Error {
  constructor(
    readonly type: string,
    readonly text: string | null,
    readonly frame: string,
    readonly status: 400 | 403 | 500 = 500,
  ) {
    super(`${type}: ${text}`)
  }

  /** The body of an ApiError, properties in the server's order. */
  apiError(now: number): string {
    return JSON.stringify({
      timestamp: isoNanos(now),
      type: this.type,
      message: this.text,
      stackTrace: this.frame ? stackTrace(this.frame) : [],
      status: this.status,
      error: reasons[this.status],
    })
  }

  /** The element of a write's answer that stands for one refused message. */
  writeError(message: string): { message: string; error: string; stacktrace: string } {
    const trace = this.frame ? `\n${stackTrace(this.frame).slice(0, 40).join('\n')}` : ''
    return { message, error: `${this.type}:${this.text}`, stacktrace: trace }
  }
}

const webapp = 'com.epam.deltix.tbwg.webapp'
const exceptions = `${webapp}.services.timebase.exc`

export const controller = (method: string, line: number): string =>
  `${webapp}.controllers.TimebaseController.${method}(TimebaseController.java:${line})`

export const unknownStream = (key: string, frame: string): JavaError =>
  new JavaError(`${exceptions}.UnknownStreamException`, `Unknown stream ${key}.`, frame, 400)

export const noStreams = (text: string, line: number): JavaError =>
  new JavaError(
    `${exceptions}.NoStreamsException`,
    text,
    `${webapp}.services.timebase.SelectServiceImpl.getStreams(SelectServiceImpl.java:${line})`,
    400,
  )

export const invalidQuery = (text: string): JavaError =>
  new JavaError(
    `${exceptions}.InvalidQueryException`,
    `Invalid query '${text}'`,
    controller('query', 1448),
    400,
  )

export const readOnly = (operation: string, frame: string): JavaError =>
  new JavaError(
    `${exceptions}.WriteOperationsException`,
    `Timebase is opened in readonly mode. Operation ${operation} cannot be performed.`,
    frame,
    403,
  )

export const accessDenied = (): JavaError =>
  new JavaError(
    'org.springframework.security.access.AccessDeniedException',
    'Access is denied',
    'org.springframework.security.access.vote.AffirmativeBased.decide(AffirmativeBased.java:73)',
    403,
  )

/** What the TimeBase client throws when the server behind the gateway refused. */
export const serverRefused = (text: string): JavaError =>
  new JavaError(
    'com.epam.deltix.qsrv.hf.tickdb.comm.client.ServerException',
    `java.lang.IllegalArgumentException: ${text}`,
    'com.epam.deltix.qsrv.hf.tickdb.comm.client.TickDBClient.checkResponse(TickDBClient.java:569)',
  )

export const timebaseDown = (): JavaError =>
  new JavaError(
    'com.epam.deltix.util.io.UncheckedIOException',
    'Cannot open timebase [dxtick://localhost:8011]',
    'com.epam.deltix.qsrv.hf.tickdb.comm.client.TickDBClient.syncOpen(TickDBClient.java:524)',
  )

export const illegalArgument = (text: string, frame: string): JavaError =>
  new JavaError('java.lang.IllegalArgumentException', text, frame, 400)

export const compilation = (text: string): JavaError =>
  new JavaError('com.epam.deltix.util.parsers.CompilationException', text, '')

export const wrongMethod = (method: string): JavaError =>
  new JavaError(
    'org.springframework.web.HttpRequestMethodNotSupportedException',
    `Request method '${method}' not supported`,
    'org.springframework.web.servlet.mvc.method.RequestMappingInfoHandlerMapping.handleNoMatch(RequestMappingInfoHandlerMapping.java:260)',
  )

export const wrongContentType = (type: string): JavaError =>
  new JavaError(
    'org.springframework.web.HttpMediaTypeNotSupportedException',
    `Content type '${type}' not supported`,
    'org.springframework.web.servlet.mvc.method.annotation.AbstractMessageConverterMethodArgumentResolver.readWithMessageConverters(AbstractMessageConverterMethodArgumentResolver.java:206)',
  )

export const missingParameter = (name: string, type: string): JavaError =>
  new JavaError(
    'org.springframework.web.bind.MissingServletRequestParameterException',
    `Required request parameter '${name}' for method parameter type ${type} is not present`,
    'org.springframework.web.method.annotation.RequestParamMethodArgumentResolver.handleMissingValueInternal(RequestParamMethodArgumentResolver.java:218)',
  )

export const missingBody = (signature: string): JavaError =>
  new JavaError(
    'org.springframework.http.converter.HttpMessageNotReadableException',
    `Required request body is missing: ${signature}`,
    'org.springframework.web.servlet.mvc.method.annotation.RequestResponseBodyMethodProcessor.readWithMessageConverters(RequestResponseBodyMethodProcessor.java:163)',
  )

export const unreadableBody = (text: string): JavaError =>
  new JavaError(
    'org.springframework.http.converter.HttpMessageNotReadableException',
    `JSON parse error: ${text}`,
    'org.springframework.http.converter.json.AbstractJackson2HttpMessageConverter.readJavaType(AbstractJackson2HttpMessageConverter.java:391)',
  )

/** A query parameter that Spring could not turn into `required`; `reason` is the innermost exception. */
export const badParameter = (_value: string, required: string, reason: string): JavaError =>
  new JavaError(
    'org.springframework.web.method.annotation.MethodArgumentTypeMismatchException',
    `Failed to convert value of type 'java.lang.String' to required type '${required}'; nested exception is ${reason}`,
    'org.springframework.web.method.annotation.AbstractNamedValueMethodArgumentResolver.resolveArgument(AbstractNamedValueMethodArgumentResolver.java:133)',
  )

/** The nested text of a failed conversion by Spring's conversion registry. */
export const conversionFailed = (value: string, required: string, cause: string): string =>
  `org.springframework.core.convert.ConversionFailedException: Failed to convert from type [java.lang.String] to type [@org.springframework.web.bind.annotation.RequestParam ${required}] for value [${value}]; nested exception is java.lang.IllegalArgumentException: ${cause}`
