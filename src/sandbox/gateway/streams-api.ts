import { ddlText, defaultOptions } from './ddl-text.js'
import { badMember, parseBody } from './jackson.js'
import {
  controller,
  illegalArgument,
  missingBody,
  missingParameter,
  readOnly,
  serverRefused,
} from './java-error.js'
import { nameOf, rangeOf } from './options-api.js'
import { empty, json, type Reply } from './reply.js'
import type { Request, Route } from './request.js'
import { dataTypes, schemaFromJson, schemaText } from './schema.js'

const schemaFrame =
  'com.epam.deltix.tbwg.webapp.services.timebase.SchemaManipulationServiceImpl.getStream(SchemaManipulationServiceImpl.java:222)'

const contains = (text: string, part: string): boolean =>
  text.toLowerCase().includes(part.toLowerCase())

function list(request: Request): Reply {
  request.allowRead()
  const filter = request.query.get('filter') ?? ''
  const chartType = [{ chartType: 'LINEAR', title: 'LINEAR' }]
  const own = request.shared.store.all
    .filter(
      (stream) =>
        contains(stream.key, filter) || stream.used.some(({ name }) => contains(name, filter)),
    )
    .map((stream) => ({
      name: nameOf(stream),
      key: stream.key,
      symbols: stream.used.length,
      chartType,
    }))
  const system = ['views#', 'events#']
    .filter((key) => contains(key, filter))
    .map((key) => ({ name: key, key, symbols: 0, chartType: null }))
  return json(JSON.stringify([...own, ...system]))
}

async function create(request: Request): Promise<Reply> {
  const key = request.query.get('key')
  if (key === null) throw missingParameter('key', 'String')
  if (request.body === '') {
    throw missingBody(
      'public com.epam.deltix.tbwg.webapp.model.schema.SchemaDef com.epam.deltix.tbwg.webapp.controllers.TimebaseController.createStream(java.lang.String,java.lang.Integer,com.epam.deltix.tbwg.webapp.model.schema.SchemaDef)',
    )
  }
  request.needJson()
  const body = parseBody(request.body, 'com.epam.deltix.tbwg.webapp.model.schema.SchemaDef')
  request.allowWrite()
  if (request.shared.isReadOnly) throw readOnly('create stream', controller('createStream', 640))
  const schema = schemaFromJson(body)
  const distributionFactor = request.integer('distributionFactor', 0)
  const options = { ...defaultOptions, distributionFactor }
  const stream = await request.shared.store.create(key, schema, options)
  if (!stream) throw serverRefused(`Duplicate stream key: ${key}`)
  return json(schemaText(schema, true))
}

function symbols(request: Request): Reply {
  request.allowRead()
  const filter = request.query.get('filter') ?? ''
  const names = request
    .stream(controller('symbols', 1290))
    .used.map(({ name }) => name)
    .filter((name) => contains(name, filter))
  return json(JSON.stringify(names))
}

function range(request: Request): Reply {
  request.allowRead()
  const stream = request.stream(controller('range', 1355))
  const known = (request.list('symbols') ?? []).flatMap((name) => stream.symbol(name) ?? [])
  return json(JSON.stringify(rangeOf(stream.range(known.length > 0 ? known : undefined))))
}

const model = 'com.epam.deltix.tbwg.webapp.model.input.SimpleRequest'

async function remove(request: Request, kind: 'truncate' | 'purge'): Promise<Reply> {
  if (request.body === '') {
    throw missingBody(
      `public org.springframework.http.ResponseEntity<java.lang.String> com.epam.deltix.tbwg.webapp.controllers.TimebaseController.${kind}(java.lang.String,${model})`,
    )
  }
  request.needJson()
  const body = parseBody(request.body, model)
  const { timestamp = 0 } = body
  if (typeof timestamp === 'string' && !/^-?\d+$/.test(timestamp)) {
    throw badMember(
      request.body,
      'timestamp',
      model,
      `\`long\` from String "${timestamp}": not a valid \`long\` value`,
    )
  }
  request.allowWrite()
  const stream = request.stream(controller(kind, kind === 'truncate' ? 640 : 610))
  const names = Array.isArray(body.symbols) ? body.symbols.map(String) : []
  const known = names.flatMap((name) => stream.symbol(name) ?? [])
  // A list in which no symbol exists means every symbol, on the real server too.
  const affected = kind === 'purge' || known.length === 0 ? stream.used : known
  await stream.remove(kind, Number(timestamp), affected)
  return empty()
}

async function deleteStream(request: Request): Promise<Reply> {
  request.allowWrite()
  const stream = request.stream(controller('delete', 591))
  if (request.shared.isReadOnly) return { status: 403, headers: {}, body: '{}' }
  await request.shared.store.delete(stream)
  return empty()
}

function schema(request: Request): Reply {
  request.allowRead()
  const { definition } = request.stream(schemaFrame)
  return json(schemaText(definition.schema, request.query.get('tree') === 'true'))
}

function schemaOfKey(request: Request): Reply {
  const key = request.query.get('key')
  if (key === null) throw missingParameter('key', 'String')
  request.allowWrite()
  const stream = request.shared.store.get(key)
  if (!stream) throw illegalArgument(`Unknown stream ${key}.`, schemaFrame)
  return json(schemaText(stream.definition.schema, true))
}

function describe(request: Request): Reply {
  request.allowRead()
  const { key, definition } = request.stream(schemaFrame)
  return json(JSON.stringify({ ddl: ddlText(key, definition.schema, definition.options) }))
}

const constant =
  (value: unknown) =>
  (request: Request): Reply => {
    request.allowRead()
    return json(JSON.stringify(value))
  }

const encodingNames: Record<string, string[]> = {
  FLOAT: ['IEEE32', 'IEEE64', 'DECIMAL', 'DECIMAL64'],
  INTEGER: ['INT8', 'INT16', 'INT32', 'INT48', 'INT64', 'PUINT30', 'PUINT61', 'PINTERVAL'],
  VARCHAR: ['UTF8', 'ALPHANUMERIC(10)'],
}

export const streamRoutes: Route[] = [
  { method: 'GET', path: 'streams', handle: list },
  { method: 'POST', path: 'createStream', handle: create },
  { method: 'GET', path: 'schema', handle: schemaOfKey },
  { method: 'GET', path: ':stream/schema', handle: schema },
  { method: 'GET', path: ':stream/describe', handle: describe },
  { method: 'GET', path: ':stream/symbols', handle: symbols },
  { method: 'GET', path: ':stream/range', handle: range },
  { method: 'GET', path: ':stream/spaces', handle: constant(['']) },
  { method: 'POST', path: ':stream/truncate', handle: (request) => remove(request, 'truncate') },
  { method: 'POST', path: ':stream/purge', handle: (request) => remove(request, 'purge') },
  { method: 'POST', path: ':stream/delete', handle: deleteStream },
  {
    method: 'GET',
    path: 'datatypes',
    handle: constant(
      dataTypes.map(({ name }) => ({ name, encodings: encodingNames[name] ?? null })),
    ),
  },
  {
    method: 'GET',
    path: 'settings',
    handle: constant({ chartMaxPoints: 18000, chartMaxVisiblePoints: 6000 }),
  },
  {
    method: 'GET',
    path: 'writable',
    handle: (request) => {
      request.allowWrite()
      return json('true')
    },
  },
  { method: 'GET', path: 'correlationId', handle: ({ now }) => json(String(now)) },
]
