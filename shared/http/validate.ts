// Checks values against schemas, and says what is wrong and what would be right.

import type { Static, TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import type { Mistake } from '../protocol/asked.ts'
import { Problem } from '../protocol/problems.ts'

/** Whether a value of JSON is an object. */
export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** How many mistakes one answer names. */
const MISTAKES_MAX = 10
/** Of a list that is looked through for mistakes: one more than the longest may have. */
const ENTRIES_MAX = 10_001
const LATE = 'has an error beyond the checked length'

/** A compiled check of `schema`. */
export function createCheck<T extends TSchema>(schema: T) {
  const validator = Compile(schema)
  const words = wordsOfPatterns(schema)

  /** Whether the value fits. */
  const fits = (value: unknown): value is Static<T> => validator.Check(value)

  /** What is wrong with it, field by field. `at` stands before each field, such as "input". */
  function mistakes(value: unknown, at = ''): Mistake[] {
    const found = new Map<string, Set<string>>()
    const budget = { left: ENTRIES_MAX, isCut: false }
    for (const error of validator.Errors(shortened(value, budget))) {
      for (const [field, rule] of explain(error as unknown as Finding, words)) {
        const path = (at + field).replace(/^\//, '').replaceAll('/', '.') || 'body'
        found.set(path, (found.get(path) ?? new Set()).add(rule))
      }
    }
    if (found.size === 0 && budget.isCut)
      return [{ field: at.replace(/^\//, '') || 'body', rule: LATE }]
    return [...found]
      .slice(0, MISTAKES_MAX)
      .map(([field, rules]) => ({ field, rule: inOne([...rules]) }))
  }

  /** The value, checked. Throws an `invalid-request` Problem that names the first mistakes. */
  function checked(value: unknown, at = ''): Static<T> {
    if (fits(value)) return value
    throw invalidRequest(mistakes(value, at))
  }

  return { fits, mistakes, checked }
}

/**
 * What mistakes are looked for in: naming them goes through all of a value, a microsecond an entry, and
 * a body may hold millions. Long lists end early, and what comes after so many entries in all is short.
 */
function shortened(value: unknown, budget: { left: number; isCut: boolean }): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    const kept = value.slice(0, budget.left > 0 ? ENTRIES_MAX : 1)
    budget.left -= kept.length
    budget.isCut ||= kept.length < value.length
    return kept.map((each) => shortened(each, budget))
  }
  const all = Object.entries(value)
  const entries = all.slice(0, ENTRIES_MAX)
  budget.left -= entries.length
  budget.isCut ||= entries.length < all.length
  return Object.fromEntries(entries.map(([name, each]) => [name, shortened(each, budget)]))
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
    pattern?: string
    limit?: number
  }
}

/** One rule of several: words that are allowed make a list. */
function inOne(rules: string[]): string {
  const words = rules.flatMap((rule) => /^must be (".*")$/.exec(rule)?.[1] ?? [])
  if (words.length < 2) return rules.join(' or ')
  const others = rules.filter((rule) => !/^must be ".*"$/.test(rule))
  return [`must be one of ${words.join(', ')}`, ...others].join(' or ')
}

/** A text with more in it than spaces. */
const NOT_EMPTY = '\\S'

/** The rule of each pattern in a schema, in words: from the `wanted` that stands beside it. */
export function wordsOfPatterns(schema: unknown): Map<string, string | undefined> {
  const words = new Map<string, string | undefined>()
  const look = (at: unknown): void => {
    if (typeof at !== 'object' || at === null) return
    const { pattern, wanted } = at as { pattern?: unknown; wanted?: string }
    if (pattern === NOT_EMPTY) words.set(pattern, 'must not be empty')
    else if (typeof pattern === 'string') words.set(pattern, wanted && `must be ${wanted}`)
    for (const each of Object.values(at)) look(each)
  }
  look(schema)
  return words
}

type Words = ReturnType<typeof wordsOfPatterns>

function explain(
  { keyword, instancePath, message, params }: Finding,
  words: Words,
): [string, string][] {
  switch (keyword) {
    case 'required':
      return (params.requiredProperties ?? []).map((name) => [
        `${instancePath}/${name}`,
        'is missing',
      ])
    case 'additionalProperties':
      return (params.additionalProperties ?? []).map((name) => [
        `${instancePath}/${name.slice(0, 64)}`,
        'is unknown',
      ])
    case 'pattern':
      return [[instancePath, words.get(params.pattern ?? '') ?? message]]
    case 'minLength':
      return [[instancePath, params.limit === 1 ? 'must not be empty' : message]]
    case 'const':
      return [[instancePath, `must be ${JSON.stringify(params.allowedValue)}`]]
    case 'boolean':
    case 'anyOf':
      return []
    default:
      return [[instancePath, message]]
  }
}
