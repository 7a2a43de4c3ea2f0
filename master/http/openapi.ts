// The OpenAPI 3.1 document of all routes, and the page at /docs that shows it. @fastify/swagger collects
// the routes and writes their parameters and checked bodies; the rest comes from the routes' contracts. The
// document is made when it is first requested, so that no other route is slower for it.

import swagger from '@fastify/swagger'
import page from '@fastify/swagger-ui'
import type { TSchema } from 'typebox'
import { serve } from '../../shared/http/serve.ts'
import type { Server } from '../../shared/http/server.ts'
import { VERSION } from '../../shared/process/version.ts'
import * as blobs from '../../shared/protocol/api/blobs.ts'
import * as jobs from '../../shared/protocol/api/jobs.ts'
import { readDocs } from '../../shared/protocol/api/page.ts'
import * as slaves from '../../shared/protocol/api/slaves.ts'
import * as tasks from '../../shared/protocol/api/tasks.ts'
import * as watching from '../../shared/protocol/api/watching.ts'
import { Asked } from '../../shared/protocol/asked.ts'
import type { Contract, Form, Loaded } from '../../shared/protocol/contract.ts'
import { ALWAYS, HEADERS, OF_BODIES, TAGS } from '../../shared/protocol/contract.ts'
import { ProblemDocument } from '../../shared/protocol/problem-document.ts'
import type { ProblemType } from '../../shared/protocol/problems.ts'
import { PROBLEMS, RETRY_AFTER } from '../../shared/protocol/problems.ts'
import type { RouteManners } from './collect-routes.ts'

const DESCRIPTION =
  'A load dispatcher: the master asks its slaves in order whether they are available for a task ' +
  'and assigns it to the first one that accepts. Every refusal is a problem document (RFC 9457) with a type ' +
  'from the table `Problem`. Every answer of a slave is kept in the trail of the task.'

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

/** Schemas that the document names: those that the modules of the API export. */
const NAMES = new Map<TSchema, string>([
  [ProblemDocument, 'Problem'],
  [Asked, 'Asked'],
])
for (const module of [tasks, jobs, blobs, slaves, watching]) {
  for (const [name, value] of Object.entries<unknown>(module)) {
    if (isSchema(value)) NAMES.set(value, name)
  }
}

function isSchema(value: unknown): value is TSchema {
  return typeof value === 'object' && value !== null && '~kind' in value
}

/** Must be registered before the routes. `routes` is called when the document is first requested. */
export async function addDocs(server: Server, routes: () => RouteManners[], loaded: Loaded) {
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'askfirst', version: VERSION, description: DESCRIPTION },
      tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    },
    transformObject: (given) =>
      'openapiObject' in given
        ? (complete(given.openapiObject as Document, routes(), loaded) as never)
        : given.swaggerObject,
  })
  await server.register(page, {
    routePrefix: '/docs',
    staticCSP: CSP,
    theme: { title: 'askfirst API' },
    uiConfig: { docExpansion: 'list', deepLinking: true, validatorUrl: null, layout: 'BaseLayout' },
  })
  serve(server, { ...readDocs, path: '/docs/openapi.json' }, (_request, reply) =>
    reply.send(server.swagger()),
  )
}

/** Completes the document with what the contracts say. */
function complete(document: Document, routes: RouteManners[], loaded: Loaded): Document {
  const paths: Document['paths'] = {}
  for (const { method, path, contract } of routes) {
    if (contract.tag === 'hidden' || method === 'HEAD') continue
    const template = path.replace(/:(\w+)/g, '{$1}')
    const name = template.replace(/\*$/, '{path}')
    const collected = document.paths?.[template.replace(/\*$/, '{*}')]?.[method.toLowerCase()] ?? {}
    const said = name === template ? collected : withPath(collected)
    paths[name] = {
      ...paths[name],
      [method.toLowerCase()]: { ...said, ...written(contract, said, loaded) },
    }
  }
  const schemas = Object.fromEntries([...NAMES].map(([schema, name]) => [name, schema]))
  return plain({ ...document, paths, components: { ...document.components, schemas } })
}

/** OpenAPI has no parameter for the rest of a path: it is one whose slashes may stand as they are. */
function withPath(said: Json): Json {
  const all = [said.parameters ?? []].flat() as Json[]
  const others = all.filter(({ name }) => name !== '*')
  const description = 'the rest of the path, each part percent-encoded'
  const path = { name: 'path', in: 'path', required: true, description, schema: { type: 'string' } }
  return { ...said, parameters: [...others, path] }
}

/** Without TypeBox's marks, and ours for messages: they are no part of a schema. */
const plain = (document: Document): Document =>
  JSON.parse(
    JSON.stringify(document, (key, value) =>
      key.startsWith('~') || key === 'wanted' ? undefined : value,
    ),
  ) as Document

function written(contract: Contract, said: Json, loaded: Loaded): Json {
  const { summary, description, tag, operationId } = contract
  const headers = (contract.headers ?? []).map((name) => {
    const { description, pattern, example } = HEADERS[name]
    const schema = { type: 'string', pattern, examples: [example] }
    return { name, in: 'header', required: false, description, schema }
  })
  const parameters = [...[said.parameters ?? []].flat(), ...headers]
  const requestBody = bodyOf(contract, loaded)
  return {
    operationId,
    summary,
    ...(description === undefined ? {} : { description }),
    tags: [tag],
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(requestBody === undefined ? {} : { requestBody }),
    responses: { ...replies(contract), ...problems(contract) },
  }
}

/** What the handler parses; a checked body is in the document already. */
function bodyOf({ content }: Contract, loaded: Loaded): Json | undefined {
  if (content === undefined) return undefined
  if (content.form === 'bytes') return { required: true, content: { '*/*': {} } }
  const named = Object.entries(content.examples?.(loaded) ?? {})
  const examples = Object.fromEntries(named.map(([name, value]) => [name, { value }]))
  const shown = named.length > 0 ? { examples } : {}
  const schema = refTo(content.schema(loaded))
  const required = content.optional !== true
  return { required, content: { 'application/json': { schema, ...shown } } }
}

function replies({ replies }: Contract): Json {
  const all = Object.entries(replies).map(([status, given]) => {
    if (given === null) return [status, { description: 'No content.' }] as const
    const forms: Form[] = [given].flat()
    const content: Json = {}
    for (const type of forms.filter((form) => typeof form === 'string')) content[type] = {}
    const schemas = forms.filter((form) => typeof form !== 'string')
    const [first, ...others] = schemas.map(refTo)
    if (first) {
      const schema = others.length > 0 ? { anyOf: [first, ...others] } : first
      content['application/json'] = { schema }
    }
    const description = schemas.map(descriptionOf).join(' ')
    return [status, { description: description || 'Success.', content }] as const
  })
  return Object.fromEntries(all)
}

const descriptionOf = (schema: TSchema): string =>
  'description' in schema ? String(schema.description) : ''

const refTo = (schema: TSchema): Json => {
  const name = NAMES.get(schema)
  return name === undefined ? { ...schema } : { $ref: `#/components/schemas/${name}` }
}

/** By status, with the types that each can have. */
function problems({ method, problems = [] }: Contract): Json {
  // A request of any other method may have a body, and it is checked even where none is wanted.
  const ofBody = method === 'GET' ? [] : OF_BODIES
  const types = new Set<ProblemType>([...ALWAYS, ...ofBody, ...problems])
  const byStatus = Map.groupBy(types, (type) => PROBLEMS[type][0])
  const all = [...byStatus].map(([status, of]) => {
    const description = of.map((type) => `\`${type}\`: ${PROBLEMS[type][1]}`).join('\n\n')
    const only = { type: 'object', properties: { type: { enum: of } } }
    const schema = { allOf: [refTo(ProblemDocument), only] }
    const header = {
      schema: { type: 'string' },
      description: 'Whole seconds; absent when unknown.',
    }
    const headers = of.some((type) => RETRY_AFTER.has(type))
      ? { headers: { 'Retry-After': header } }
      : {}
    const content = { 'application/problem+json': { schema } }
    return [status, { description, ...headers, content }] as const
  })
  return Object.fromEntries(all)
}
