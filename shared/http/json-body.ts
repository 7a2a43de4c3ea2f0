// Parses request bodies that are JSON. A long body goes in slices of the event loop: reading through its
// bytes, parsing them, comparing the value with them and what the route does with it are pieces of work
// by themselves. A body whose value would take far more memory or time than its bytes is refused before
// it is parsed.

import { isUtf8 } from 'node:buffer'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Scan } from '../data/json-text.ts'
import { ambiguityOf, scanJson } from '../data/json-text.ts'
import type { Slices } from '../process/time-slices.ts'
import { Problem } from '../protocol/problems.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** A body of JSON as it came; empty when there was none. */
    readonly bodyBytes: Buffer
    /** The same, null where there was none. For json-body.ts alone. */
    arrivedBytes: Buffer | null
  }
  interface FastifyContextConfig {
    /** Its callers are slaves or the master, and outcomes have any shape: only bytes and depth are limited. */
    anyShape?: true
    /** The body without what makes it no good JSON, where the route can tell; else null. */
    mend?: (bytes: Buffer) => Buffer | null
  }
}

/** A longer body is parsed in slices, and handled in slices by its route. In bytes. */
export const LONG_BODY_BYTES = 1 << 18

/**
 * What the value of a body may have: arrays and objects take some 50 bytes each, however short their
 * text, and each name of an object takes a microsecond and more to parse and to check. Numbers take 8 bytes and 30 ns each.
 */
export const SHAPE_LIMITS = {
  containers: 250_000,
  names: 250_000,
  namesOfOne: 50_000,
  values: 2_000_000,
}

const NO_BYTES = Buffer.alloc(0)

type Parsed = (error: Error | null, value?: unknown) => void

/** `depthMax`: arrays and objects in one another. */
export function parseJsonBodies(
  server: FastifyInstance,
  { slices, depthMax }: { slices: Slices; depthMax: number },
): void {
  server.decorateRequest('arrivedBytes', null)
  server.decorateRequest('bodyBytes', {
    getter(this: FastifyRequest) {
      return this.arrivedBytes ?? NO_BYTES
    },
  })
  const parseText = server.getDefaultJsonParser('error', 'error')

  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    const bytes = body as Buffer
    if (bytes.length === 0) return done(null, undefined)
    request.arrivedBytes = bytes
    if (bytes.length >= LONG_BODY_BYTES) {
      const answer: Parsed = (error, value) => void slices.run(() => done(error, value))
      return void sliced(request, bytes).then((value) => answer(null, value), answer)
    }
    let value: unknown
    try {
      value = strictly(request, bytes)
    } catch (error) {
      try {
        const mended = mend(request, bytes, error)
        value = strictly(request, mended)
      } catch (error) {
        return done(error as Error)
      }
    }
    done(null, value)
  })

  function strictly(request: FastifyRequest, bytes: Buffer): unknown {
    const scan = checked(bytes, request)
    return unambiguous(parsed(request, bytes), scan)
  }

  /** What the route makes of a body that was refused; throws why it was when that is nothing. */
  function mend(request: FastifyRequest, bytes: Buffer, why: unknown): Buffer {
    const mended = isUtf8(bytes) ? request.routeOptions.config.mend?.(bytes) : undefined
    if (!mended) throw why
    request.arrivedBytes = mended
    return mended
  }

  async function sliced(request: FastifyRequest, bytes: Buffer): Promise<unknown> {
    try {
      return await strictlySliced(request, bytes)
    } catch (error) {
      const mended = await slices.run(() => mend(request, bytes, error))
      return strictlySliced(request, mended)
    }
  }

  async function strictlySliced(request: FastifyRequest, bytes: Buffer): Promise<unknown> {
    const scan = await slices.run(() => checked(bytes, request))
    const value = await slices.run(() => parsed(request, bytes))
    return slices.run(() => unambiguous(value, scan))
  }

  function unambiguous(value: unknown, scan: Scan): unknown {
    const mistake = ambiguityOf(value, scan)
    if (mistake !== null) throw new Problem('invalid-json', mistake)
    return value
  }

  function checked(bytes: Buffer, { routeOptions }: FastifyRequest): Scan {
    if (!isUtf8(bytes)) throw new Problem('invalid-json', 'the body is not valid UTF-8')
    const scan = scanJson(bytes)
    if (scan.depth > depthMax) {
      throw new Problem('invalid-json', `more than ${depthMax} arrays and objects are nested`)
    }
    const mistake = routeOptions.config.anyShape ? null : shapeMistake(scan)
    if (mistake !== null) throw new Problem('body-too-large', mistake)
    return scan
  }

  /** The parser calls back before it returns. */
  function parsed(request: FastifyRequest, bytes: Buffer): unknown {
    let result: { error: Error | null; value: unknown } | undefined
    const taken: Parsed = (error, value) => {
      result = { error, value }
    }
    void parseText(request, bytes.toString('utf8'), taken)
    if (result?.error) throw result.error
    return result?.value
  }
}

function shapeMistake({ containers, names, namesOfOne, followers }: Scan): string | null {
  const { containers: containersMax, names: namesMax, namesOfOne: namesOfOneMax } = SHAPE_LIMITS
  if (containers > containersMax) {
    return `the body has ${containers} arrays and objects; the maximum is ${containersMax}`
  }
  if (names > namesMax)
    return `the objects of the body have ${names} members; the maximum is ${namesMax}`
  const valuesMax = SHAPE_LIMITS.values
  if (followers >= valuesMax) {
    return `the lists of the body have ${followers + 1} values; the maximum is ${valuesMax}`
  }
  if (namesOfOne <= namesOfOneMax) return null
  return `an object of the body has ${namesOfOne} members; the maximum is ${namesOfOneMax}`
}
