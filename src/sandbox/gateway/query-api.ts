import { controller, invalidQuery, JavaError, readOnly } from './java-error.js'
import { createStatement } from './qql/ddl.js'
import { isKeyword } from './qql/expressions.js'
import { compileError, Tokens, tokenize } from './qql/lexer.js'
import { compileSelect } from './qql/run.js'
import { selectStatement } from './qql/select.js'
import { empty, json, type Reply } from './reply.js'
import type { Request, Route, Shared } from './request.js'
import { schemaText } from './schema.js'
import { arrayText, fromBody, limitOf } from './select-api.js'
import { isoTime } from './time.js'

const model = 'com.epam.deltix.tbwg.webapp.model.input.QueryRequest'

/** Projections get a class name of their own: QUERY and a number that may be negative. */
export function queryTypeName({ system }: Shared): string {
  return `QUERY${Buffer.from(system.randomBytes(8)).readBigInt64LE()}`
}

async function query(request: Request): Promise<Reply> {
  request.needJson()
  const body = fromBody(request.body, model)
  const text = queryOf(request, body)
  if (request.shared.isReadOnly && /create|drop/i.test(text)) {
    throw readOnly('CREATE or DROP', controller('query', 1451))
  }
  const tokens = new Tokens(text)
  if (tokens.accept('CREATE')) return create(request, tokens)
  if (tokens.accept('DROP')) return drop(request, tokens)
  const compiled = compileSelect(tokens, request.shared.store, () => queryTypeName(request.shared))
  const skip = Math.max(0, body.offset)
  return json(arrayText(compiled.rows({ from: body.from, to: body.to }, skip, limitOf(body.rows))))
}

function queryOf(request: Request, body: Record<string, unknown>): string {
  const text = typeof body.query === 'string' ? body.query : null
  request.allowRead()
  if (text === null || text.trim() === '') throw invalidQuery(text ?? 'null')
  return text
}

async function create(request: Request, tokens: Tokens): Promise<Reply> {
  const { key, schema, options } = createStatement(tokens)
  const made = await request.shared.store.create(key, schema, options)
  if (made) return outcome(request, 'SUCCESS', 'INFO', 'Stream created')
  const type = 'java.lang.IllegalArgumentException'
  return outcome(request, type, 'USER_ERROR', `Duplicate stream key: ${key}`)
}

async function drop(request: Request, tokens: Tokens): Promise<Reply> {
  tokens.expect('STREAM')
  const token = tokens.name()
  if (!tokens.atEnd()) throw tokens.unexpected()
  const stream = request.shared.store.get(token.text)
  if (!stream) {
    throw compileError(
      tokens.query,
      token,
      'UnknownIdentifierException',
      `Unknown identifier: ${token.text}`,
    )
  }
  await request.shared.store.delete(stream)
  return outcome(request, 'SUCCESS', 'INFO', 'Stream dropped')
}

/** DDL answers with one row, also where it failed. */
function outcome(request: Request, errorType: string, level: string, messageText: string): Reply {
  return json(
    JSON.stringify([
      {
        $type: 'com.epam.deltix.timebase.messages.service.ErrorMessage',
        symbol: '',
        timestamp: isoTime(request.now),
        errorType,
        level,
        messageText,
        seqNum: 0,
      },
    ]),
  )
}

function describe(request: Request): Reply {
  request.needJson()
  const text = queryOf(request, fromBody(request.body, model))
  const { shared } = request
  const compiled = compileSelect(new Tokens(text), shared.store, () => queryTypeName(shared))
  return json(schemaText(compiled.resultSchema()))
}

/** Looks at syntax only: names may be anything. */
function compileQuery(request: Request): Reply {
  request.needJson()
  const { query: text } = fromBody(request.body, model) as { query?: unknown }
  request.allowRead()
  if (typeof text !== 'string' || text === '') return empty(400)
  let error: string | null = null
  let errorLocation: number | null = null
  let tokens: object[] = []
  try {
    tokens = tokenize(text)
      .filter(({ kind }) => kind !== 'end')
      .map((token) => ({
        type: isKeyword(token) ? 'KEYWORD' : (tokenTypes[token.kind] ?? 'PUNCTUATION'),
        location: token.start * 2 ** 32 + token.end,
      }))
    const parser = new Tokens(text)
    if (parser.accept('CREATE')) createStatement(parser)
    else if (!parser.accept('DROP')) selectStatement(parser)
  } catch (thrown) {
    if (!(thrown instanceof JavaError)) throw thrown
    const found = /^(?:1\.(\d+)\.\.(\d+): )?SyntaxErrorException: (.*)$/.exec(thrown.text ?? '')
    if (found) {
      error = found[3] ?? null
      errorLocation =
        found[1] === undefined ? null : (Number(found[1]) - 1) * 2 ** 32 + Number(found[2]) - 1
    }
  }
  return json(JSON.stringify({ errorLocation, error, tokens }))
}

const tokenTypes: Record<string, string> = {
  name: 'IDENTIFIER',
  quoted: 'IDENTIFIER',
  text: 'STRING_LITERAL',
  time: 'DATE_LITERAL',
  number: 'NUMERIC_LITERAL',
}

export const queryRoutes: Route[] = [
  { method: 'POST', path: 'query', handle: query },
  { method: 'POST', path: 'describe', handle: describe },
  { method: 'POST', path: 'compileQuery', handle: compileQuery },
]
