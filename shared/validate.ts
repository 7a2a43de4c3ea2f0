// Checks values against schemas, and says what is wrong and what would be right.

import type { Static, TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { Problem } from './problems.ts'

export type Mistake = { field: string; rule: string }

/** How many mistakes one answer names. */
const MISTAKES_MAX = 10

/** A compiled check of `schema`. */
export function createCheck<T extends TSchema>(schema: T) {
  const validator = Compile(schema)

  /** Whether the value fits. */
  const fits = (value: unknown): value is Static<T> => validator.Check(value)

  /** What is wrong with it, field by field. `at` stands before each field, such as "input". */
  function mistakes(value: unknown, at = ''): Mistake[] {
    const found = new Map<string, string[]>()
    for (const error of validator.Errors(value)) {
      for (const [field, rule] of explain(error as unknown as Finding)) {
        const path = (at + field).replace(/^\//, '').replaceAll('/', '.') || 'body'
        const rules = found.get(path) ?? []
        if (!rules.includes(rule)) found.set(path, [...rules, rule])
      }
    }
    return [...found]
      .slice(0, MISTAKES_MAX)
      .map(([field, rules]) => ({ field, rule: rules.join(' or ') }))
  }

  /** The value, checked. Throws an `invalid-request` Problem that names the first mistakes. */
  function checked(value: unknown, at = ''): Static<T> {
    if (fits(value)) return value
    throw invalidRequest(mistakes(value, at))
  }

  return { fits, mistakes, checked }
}

/** The Problem for a list of mistakes. */
export function invalidRequest(errors: Mistake[]): Problem {
  const detail = errors.map(({ field, rule }) => `${field} ${rule}`).join('; ')
  return new Problem('invalid-request', detail, { errors })
}

type Finding = {
  keyword: string
  instancePath: string
  message: string
  params: {
    requiredProperties?: string[]
    additionalProperties?: string[]
    allowedValue?: unknown
  }
}

function explain({ keyword, instancePath, message, params }: Finding): [string, string][] {
  switch (keyword) {
    case 'required':
      return (params.requiredProperties ?? []).map((name) => [
        `${instancePath}/${name}`,
        'is missing',
      ])
    case 'additionalProperties':
      return (params.additionalProperties ?? []).map((name) => [
        `${instancePath}/${name.slice(0, 64)}`,
        'is not known here',
      ])
    case 'const':
      return [[instancePath, `must be ${JSON.stringify(params.allowedValue)}`]]
    case 'boolean':
    case 'anyOf':
      return []
    default:
      return [[instancePath, message]]
  }
}
