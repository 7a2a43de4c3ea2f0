// The syntax tree of a source file: of TypeScript without its types, with every position as it was.

import { stripTypeScriptTypes } from 'node:module'
import type { Options, Program } from 'acorn'
import { parse } from 'acorn'

export const SYNTAX = { ecmaVersion: 'latest', sourceType: 'module' } as const

/** The code without its types, which become spaces. */
export const stripped = (text: string): string => stripTypeScriptTypes(text, { mode: 'strip' })

/** Parses JavaScript. Throws a SyntaxError when it is no program. */
export const syntaxOf = (code: string, options: Partial<Options> = {}): Program =>
  parse(code, { ...SYNTAX, ...options })
