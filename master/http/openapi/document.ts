// The OpenAPI 3.1 document of all routes, and the page at /docs that shows it. @fastify/swagger
// collects routes and what their own schemas say; the rest is in the rows beside this file. Made once,
// when it is first asked for: no route is slower for it.

import swagger from '@fastify/swagger'
import page from '@fastify/swagger-ui'
import type { TSchema } from 'typebox'
import type { Server } from '../../../shared/http/server.ts'
import { VERSION } from '../../../shared/process/version.ts'
import * as clientWire from '../../../shared/protocol/client-wire.ts'
import type { ProblemType } from '../../../shared/protocol/problems.ts'
import { PROBLEMS } from '../../../shared/protocol/problems.ts'
import type { Operation, Operations } from './operation.ts'
import { ALWAYS, HEADERS, OF_BODIES } from './operation.ts'

const DESCRIPTION =
  'A load dispatcher: the master asks its slaves in order whether they are available for a task, ' +
  'and the first that says yes has it. Every refusal is a problem document (RFC 9457) with a type ' +
  'of the table of `Problem`; every answer of a slave is kept in the trail of the task.'

const TAGS = {
  tasks: 'What one slave takes.',
  jobs: 'What the master splits into tasks and combines; and blobs, for large inputs and results.',
  slaves: 'Who computes.',
  watching: 'For people and monitors.',
  wire: 'What slaves say to the master; slave/PROTOCOL.md has the rules.',
}

/**
 * Nothing from anywhere else, and nothing inline but the one style that Swagger UI adds to itself, by
 * its hash. Images of the page's own styles are data URLs.
 */
const STYLE = "'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='"
const CSP =
  `default-src 'none'; script-src 'self'; style-src 'self' ${STYLE}; img-src 'self' data:; ` +
  "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

type Json = Record<string, unknown>
type Document = { paths?: Record<string, Record<string, Json>>; components?: Json }

/** Must be registered before the routes. `operations` is asked when the document is. */
export async function addDocs(server: Server, operations: () => Operations) {
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'askfirst', version: VERSION, description: DESCRIPTION },
      tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    },
    transformObject: (given) =>
      'openapiObject' in given
        ? (complete(given.openapiObject as Document, operations()) as never)
        : given.swaggerObject,
  })
  await server.register(page, {
    routePrefix: '/docs',
    staticCSP: CSP,
    theme: { title: 'askfirst: the interface' },
    uiConfig: { docExpansion: 'list', deepLinking: true, validatorUrl: null, layout: 'BaseLayout' },
  })
  server.get('/docs/openapi.json', { schema: { hide: true } }, (_request, reply) => {
    reply.send(server.swagger())
  })
}

/** Puts into the document what the rows say. A route without a row stays as it is. */
function complete(document: Document, operations: Operations): Document {
  const names = new Map(
    Object.entries(clientWire)
      .filter(([, schema]) => typeof schema === 'object' && !Array.isArray(schema))
      .map(([name, schema]) => [schema as TSchema, name === 'ProblemDocument' ? 'Problem' : name]),
  )
  for (const [path, methods] of Object.entries(document.paths ?? {})) {
    for (const [method, said] of Object.entries(methods)) {
      const key = `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`
      const operation = operations[key]
      if (!operation) continue
      // Even where no body is wanted: one that comes is looked at.
      const mayHaveBody = method !== 'get'
      methods[method] = { ...said, ...written(operation, said, mayHaveBody, names) }
    }
  }
  const schemas = Object.fromEntries([...names].map(([schema, name]) => [name, schema]))
  document.components = { ...document.components, schemas }
  return plain(document)
}

/** TypeBox's own marks, and ours for messages, are no part of a schema. */
const plain = (document: Document): Document =>
  JSON.parse(
    JSON.stringify(document, (key, value) =>
      key.startsWith('~') || key === 'wanted' ? undefined : value,
    ),
  ) as Document

function written(
  operation: Operation,
  said: Json,
  mayHaveBody: boolean,
  names: Map<TSchema, string>,
): Json {
  const { summary, description, tag, operationId, takes } = operation
  const headers = (operation.headers ?? []).map((name) => ({
    name,
    in: 'header',
    required: false,
    description: HEADERS[name].description,
    schema: { type: 'string', pattern: HEADERS[name].pattern, examples: [HEADERS[name].example] },
  }))
  const parameters = [...((said.parameters as Json[] | undefined) ?? []), ...headers]
  return {
    operationId,
    summary,
    ...(description === undefined ? {} : { description }),
    tags: [tag],
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(takes === undefined ? {} : { requestBody: bodyOf(operation, names) }),
    responses: { ...replies(operation, names), ...problems(operation, mayHaveBody, names) },
  }
}

function bodyOf({ takes, optional, examples = {} }: Operation, names: Map<TSchema, string>): Json {
  if (typeof takes === 'string') return { required: true, content: { [takes]: {} } }
  const named = Object.entries(examples).map(([name, value]) => [name, { value }] as const)
  const shown = named.length > 0 ? { examples: Object.fromEntries(named) } : {}
  const schema = refTo(takes as TSchema, names)
  return { required: optional !== true, content: { 'application/json': { schema, ...shown } } }
}

function replies({ gives }: Operation, names: Map<TSchema, string>): Json {
  const all = Object.entries(gives).map(([status, given]) => {
    if (given === null) return [status, { description: 'Nothing came.' }] as const
    const forms = [given].flat()
    const schemas = forms.filter((form) => typeof form !== 'string')
    const content: Json = {}
    for (const type of forms.filter((form) => typeof form === 'string')) content[type] = {}
    const [first, ...others] = schemas.map((schema) => refTo(schema, names))
    if (first) {
      const schema = others.length > 0 ? { anyOf: [first, ...others] } : first
      content['application/json'] = { schema }
    }
    const description = schemas.map((schema) => descriptionOf(schema)).join(' ')
    return [status, { description: description || 'As asked.', content }] as const
  })
  return Object.fromEntries(all)
}

const descriptionOf = (schema: TSchema): string =>
  (schema as { description?: string }).description ?? ''

const refTo = (schema: TSchema, names: Map<TSchema, string>): Json => {
  const name = names.get(schema)
  return name === undefined ? (schema as Json) : { $ref: `#/components/schemas/${name}` }
}

/** By status, with the types that it can be. */
function problems(operation: Operation, mayHaveBody: boolean, names: Map<TSchema, string>): Json {
  const types: ProblemType[] = [
    ...ALWAYS,
    ...(mayHaveBody ? OF_BODIES : []),
    ...(operation.problems ?? []),
  ]
  const byStatus = Map.groupBy(new Set(types), (type) => PROBLEMS[type][0])
  const all = [...byStatus].map(([status, of]) => {
    const description = of.map((type) => `\`${type}\`: ${PROBLEMS[type][1]}`).join('\n\n')
    const only = { type: 'object', properties: { type: { enum: of } } }
    const schema = { allOf: [refTo(clientWire.ProblemDocument, names), only] }
    const header = { schema: { type: 'string' }, description: 'Whole seconds, where known.' }
    const headers = of.includes('at-capacity') ? { headers: { 'Retry-After': header } } : {}
    const content = { 'application/problem+json': { schema } }
    return [status, { description, ...headers, content }] as const
  })
  return Object.fromEntries(all)
}
