// Registers a route from its contract (shared/protocol/api/). The handler's request and reply have the types
// of the contract's schemas, and Fastify checks by them before the handler runs.
//
// Replies are not serialized by their schemas. A reply carries inputs and results as raw JSON text
// (data/raw-json.ts), which fast-json-stringify cannot write; and for an AcceptedTask with two answers it
// takes 1.4 to 2.5 us where `encode` takes 1.0 to 1.4. The compiler holds each handler to the schemas of its
// replies, and test/e2e/docs-client.system.test.ts holds the replies of a real master to them; test/master/http/replies.test.ts those of one without slaves.

import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type {
  FastifyContextConfig,
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  FastifySchema,
  RawServerDefault,
  RouteGenericInterface,
  RouteHandlerMethod,
  RouteShorthandOptions,
} from 'fastify'
import type { Static, TSchema } from 'typebox'
import type { Checked, Contract, Replies } from '../protocol/contract.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the route was registered from. */
    contract?: Contract
  }
}

type Request<C extends Checked> = FastifyRequest<
  RouteGenericInterface,
  RawServerDefault,
  IncomingMessage,
  C,
  TypeBoxTypeProvider
>
type Body<F> = F extends TSchema ? Static<F> : F extends string ? string : never
type BodyOf<F> = F extends readonly (infer Each)[] ? Body<Each> : Body<F>
/** What a handler returns: a body of one of the replies, or nothing after it has sent one itself. */
type Reply<R extends Replies> = BodyOf<R[keyof R]> | FastifyReply | undefined

export type Handler<C extends Checked, R extends Replies> = (
  request: Request<C>,
  reply: FastifyReply,
) => Reply<R> | Promise<Reply<R>>

/** What belongs to the route and not to its contract. */
export type RouteOptions = Pick<RouteShorthandOptions, 'bodyLimit' | 'exposeHeadRoute'> & {
  config?: FastifyContextConfig
}

/** Adds the route of a contract. */
export const serve = <C extends Checked, R extends Replies>(
  app: FastifyInstance,
  contract: Contract<C, R>,
  handler: Handler<C, R>,
): void => serveWith(app, contract, {}, handler)

/** Adds the route of a contract, with options of its own. */
export function serveWith<C extends Checked, R extends Replies>(
  app: FastifyInstance,
  contract: Contract<C, R>,
  { config, ...options }: RouteOptions,
  handler: Handler<C, R>,
): void {
  const { method, path: url, checked: schema } = contract
  const content = contentOf(contract)
  app.route<RouteGenericInterface, FastifyContextConfig, FastifySchema>({
    ...options,
    method,
    url,
    schema,
    config: { ...config, contract, ...(content === undefined ? {} : { content }) },
    // Fastify checks by `schema` what the handler's types promise.
    handler: handler as RouteHandlerMethod,
  })
}

/** The contract of a route or of the route of a request. Throws when it has none. */
export function contractOf({ url, config }: Registered): Contract {
  assert(config?.contract, `the route ${url} has no contract`)
  return config.contract
}
type Registered = { url?: string | undefined; config?: FastifyContextConfig | undefined }

function contentOf({ checked, content }: Contract): FastifyContextConfig['content'] {
  if (content === undefined) return checked.body === undefined ? undefined : 'json'
  if (content.form === 'bytes') return 'bytes'
  return content.optional ? 'optional' : 'json'
}
