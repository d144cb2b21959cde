import { castError, type Element, elementText, parseLenient } from './gson.js'
import { badParameter, controller, conversionFailed, JavaError, missingBody } from './java-error.js'
import { asText } from './java-numbers.js'
import { undefinedType } from './objects.js'
import type { Reply } from './reply.js'
import type { Request, Route } from './request.js'
import { ByteWriter } from './store/bytes.js'
import { endEntry, entryKind, startMessage } from './store/record.js'
import { type Draft, removal, type Stream } from './store/stream.js'
import { lenientTime, nanoTime, spacedTime } from './time.js'
import { unparseable } from './values.js'

const modes = ['APPEND', 'INSERT', 'REWRITE', 'TRUNCATE'] as const
type Mode = (typeof modes)[number]

const writeMode = 'com.epam.deltix.qsrv.hf.tickdb.pub.LoadingOptions$WriteMode'
const signature = `public org.springframework.http.ResponseEntity<org.springframework.web.servlet.mvc.method.annotation.StreamingResponseBody> com.epam.deltix.tbwg.webapp.controllers.TimebaseController.write(java.lang.String,${writeMode},java.lang.String) throws com.epam.deltix.tbwg.webapp.services.timebase.exc.UnknownStreamException`

interface WriteError {
  message: string
  error: string
  stacktrace: string
}

async function write(request: Request): Promise<Reply> {
  const mode = request.query.get('writeMode') ?? 'APPEND'
  if (!isMode(mode)) {
    const name = writeMode.replace('$', '.')
    throw badParameter(
      mode,
      writeMode,
      conversionFailed(mode, writeMode, `No enum constant ${name}.${mode}`),
    )
  }
  if (request.body === '') throw missingBody(signature)
  request.allowWrite()
  if (request.shared.isReadOnly) {
    const body = '{"message": "Timebase connection is read-only", "error"="Write failed."} '
    return { status: 403, headers: {}, body }
  }
  const stream = request.stream(controller('write', 797))
  const elements = parseLenient(formBody(request))
  if (!Array.isArray(elements)) {
    throw new JavaError(
      'java.lang.ClassCastException',
      castError(elements, 'JsonArray'),
      controller('write', 799),
    )
  }
  const errors: WriteError[] = []
  let fatal: JavaError | undefined
  if (elements.length > 0) {
    await stream.commit((draft) => {
      const writer = new Writer(stream, draft, mode, request.now)
      for (const element of elements) {
        try {
          writer.add(element)
        } catch (error) {
          if (!(error instanceof JavaError)) throw error
          if (error instanceof Unanswerable) {
            fatal = error
            break
          }
          errors.push(error.writeError(messageOf(error, element)))
        }
      }
    })
  }
  if (fatal) throw fatal
  return {
    status: 200,
    headers: { 'Content-Type': 'application/json;charset=UTF-8' },
    body: JSON.stringify(errors),
  }
}

const isMode = (text: string): text is Mode => (modes as readonly string[]).includes(text)

/** Spring takes a form apart and puts it together again, which leaves no JSON behind. */
function formBody({ body, contentType }: Request): string {
  return /^application\/x-www-form-urlencoded/i.test(contentType)
    ? new URLSearchParams(body).toString()
    : body
}

function messageOf(error: JavaError, element: Element): string {
  if (error instanceof OutOfSequence) return error.text ?? ''
  return `Message is invalid:${elementText(element).replaceAll('"', "'")}`
}

class OutOfSequence extends JavaError {}

/** A `$type` nobody knows: the server stumbles over its own error answer. */
class Unanswerable extends JavaError {}

/** Puts the messages of one request into a frame. */
class Writer {
  private readonly rewritten = new Set<number>()
  private readonly fields = new ByteWriter(256)
  private leakedNanos = 0

  constructor(
    private readonly stream: Stream,
    private readonly draft: Draft,
    private readonly mode: Mode,
    private readonly now: number,
  ) {}

  add(element: Element): void {
    if (!(element instanceof Map)) {
      throw new JavaError(
        'java.lang.ClassCastException',
        castError(element, 'JsonObject'),
        controller('write', 813),
      )
    }
    const classIndex = this.classOf(element)
    const given = element.get('symbol')
    const name = given === undefined ? '' : asText(given)
    const { ms, nanos } = this.timeOf(element)
    const { draft, fields } = this
    // The fields are checked before the symbol becomes known or anything is removed.
    fields.cut(0)
    this.classAt(classIndex).encode(element, fields)
    const symbol = draft.symbol(name)
    // A message that leaves its time to the server is put where that time belongs.
    if (element.has('timestamp') || element.has('nanoTime')) this.makeRoom(symbol, name, ms)
    const at = startMessage({ symbol, ms, nanos, classIndex }, draft.out)
    draft.out.raw(fields.view())
    endEntry(at, draft.out)
    draft.setLast(symbol, Math.max(ms, draft.last(symbol) ?? ms))
  }

  private classAt(index: number): Stream['classes'][number] {
    return this.stream.classes[index] as Stream['classes'][number]
  }

  /** `$type` is matched as the end of a class name; the last match wins. */
  private classOf(element: Map<string, Element>): number {
    const { classes } = this.stream
    const type = element.get('$type')
    if (type === undefined || type === null) {
      if (classes.length === 1) return 0
      throw undefinedType(element)
    }
    const index = classes.findLastIndex(({ name }) => name.endsWith(asText(type)))
    if (index < 0) {
      throw new Unanswerable(
        'java.lang.NullPointerException',
        null,
        'com.fasterxml.jackson.core.io.JsonStringEncoder.quoteAsString(JsonStringEncoder.java:79)',
      )
    }
    return index
  }

  /** Nanoseconds of one message leak into later ones that only say `timestamp`, as on the server. */
  private timeOf(element: Map<string, Element>): { ms: number; nanos: number } {
    const nano = element.get('nanoTime')
    if (nano !== undefined) {
      const text = asText(nano)
      const found = nanoTime(text)
      if (!found) throw unparseable(text)
      this.leakedNanos = found.nanos
      return found
    }
    const given = element.get('timestamp')
    if (given === undefined) return { ms: this.now, nanos: 0 }
    const text = asText(given)
    const ms = lenientTime(text)
    if (ms !== undefined) return { ms, nanos: this.leakedNanos }
    if (/^-?\d+$/.test(text)) {
      throw new JavaError(
        'java.lang.NumberFormatException',
        `For input string: "${text}"`,
        'java.base/java.lang.NumberFormatException.forInputString(NumberFormatException.java:67)',
      )
    }
    throw unparseable(text)
  }

  /** What each mode does with the symbol's older messages before this one is stored. */
  private makeRoom(symbol: number, name: string, ms: number): void {
    const { draft, mode, stream } = this
    const last = draft.last(symbol)
    if (mode === 'INSERT') return
    if (mode !== 'APPEND' && !this.rewritten.has(symbol)) {
      this.rewritten.add(symbol)
      removal(entryKind.truncate, ms, [symbol], draft.out)
      if (last !== undefined && last >= ms) draft.setLast(symbol, ms)
      return
    }
    if (last !== undefined && last > ms) {
      throw new OutOfSequence(
        'com.epam.deltix.qsrv.hf.tickdb.pub.OutOfSequenceMessageException',
        `[${stream.key}] Message ${name} ${spacedTime(ms)} GMT is out of sequence (< ${spacedTime(last)})`,
        'com.epam.deltix.qsrv.hf.tickdb.impl.PDStreamChannel.send(PDStreamChannel.java:127)',
      )
    }
  }
}

export const writeRoutes: Route[] = [{ method: 'POST', path: ':stream/write', handle: write }]
