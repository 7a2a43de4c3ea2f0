// Reads an OpenAPI document for tests.

import type { TSchema } from 'typebox'
import { createCheck } from '../../shared/http/validate.ts'
import type { Json } from '../requests.ts'

export type Row = { route: string; operation: Json }

export const operationsIn = (document: Json): Row[] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods as Json).map(([method, operation]) => ({
      route: `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`,
      operation: operation as Json,
    })),
  )

export const ok = ({ responses }: Json): Json =>
  Object.fromEntries(Object.entries(responses).filter(([status]) => status.startsWith('2')))

/** Reads a document as its client does, by the names of operations. */
export function readDocument(document: Json) {
  const byName = new Map(operationsIn(document).map((row) => [row.operation.operationId, row]))
  const whole = (schema: Json): Json =>
    JSON.parse(JSON.stringify(schema), (_key, value) =>
      typeof value?.$ref === 'string'
        ? document.components.schemas[value.$ref.split('/').at(-1)]
        : value,
    )
  const operationOf = (name: string): Json => byName.get(name)?.operation

  return {
    examples(name: string): Record<string, unknown> {
      const { examples } = operationOf(name).requestBody.content['application/json']
      return Object.fromEntries(
        Object.entries(examples as Json).map(([title, { value }]: [string, Json]) => [
          title,
          value,
        ]),
      )
    },
    responsesOf(name: string) {
      const { responses, requestBody } = operationOf(name)
      return {
        path: byName.get(name)?.route.split(' ')[1],
        takes(body: unknown): boolean {
          const { schema } = requestBody.content['application/json']
          return createCheck(whole(schema) as TSchema).fits(body)
        },
        mistakes(status: number, type: string, body: unknown): unknown[] {
          const response = responses[String(status)]
          if (!response) return [`${status} is not documented`]
          if (!response.content) return body === '' ? [] : ['a body where none is documented']
          const content = response.content[type] ?? response.content['*/*']
          if (!content) return [`${type} is not documented`]
          if (!content.schema) return []
          const { fits, mistakes } = createCheck(whole(content.schema) as TSchema)
          return fits(body) ? [] : mistakes(body)
        },
      }
    },
  }
}
