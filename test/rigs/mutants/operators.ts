// Mutation operators: every small change to a source file that a good test notices. The set is that of
// Stryker (https://stryker-mutator.io/docs/mutation-testing-elements/supported-mutators/), without regular
// expressions. Not mutated: types, imports, messages (strings with a space, arguments of errors), calls of
// the log, and assertions of `node:assert`, which no test can reach.

import type { Node } from 'acorn'
import { fullAncestor } from 'acorn-walk'
import { stripped, syntaxOf } from '../source/syntax.ts'

export type Mutation = {
  /** Offsets in the file, which are the same with and without types. */
  start: number
  end: number
  /** The code that stands there instead. */
  replacement: string
}

/** A node of any type: fields that its type does not have are undefined. */
type AnyNode = Node & {
  [key in 'argument' | 'body' | 'callee' | 'id' | 'left' | 'object' | 'property' | 'test']: AnyNode
} & {
  arguments: AnyNode[]
  cases: AnyNode[]
  computed?: boolean
  consequent: AnyNode[]
  elements: (AnyNode | null)[]
  expression?: boolean
  key?: AnyNode
  name?: string
  operator: string
  optional?: boolean
  prefix?: boolean
  properties: AnyNode[]
  quasis: { value: { raw: string } }[]
  value?: unknown
}

/** What stands for an empty text. */
const SOME_TEXT = "'mutant'"

const OPERATORS: Record<string, string[]> = {
  '+': ['-'],
  '-': ['+'],
  '*': ['/'],
  '/': ['*'],
  '%': ['*'],
  '<': ['<=', '>='],
  '<=': ['<', '>'],
  '>': ['>=', '<='],
  '>=': ['>', '<'],
  '===': ['!=='],
  '!==': ['==='],
  '==': ['!='],
  '!=': ['=='],
  '&&': ['||'],
  '||': ['&&'],
  '??': ['&&'],
  '<<': ['>>'],
  '>>': ['<<'],
  '>>>': ['<<'],
  '&': ['|'],
  '|': ['&'],
  '+=': ['-='],
  '-=': ['+='],
  '*=': ['/='],
  '/=': ['*='],
  '&&=': ['||='],
  '||=': ['&&='],
  '??=': ['&&='],
  '<<=': ['>>='],
  '>>=': ['<<='],
  '&=': ['|='],
  '|=': ['&='],
}
const CONDITIONS = ['<', '<=', '>', '>=', '===', '!==', '==', '!=', '&&', '||']

/** Methods that are called in place of another; null: the call is removed. */
const METHODS = new Map<string, string | null>([
  ['startsWith', 'endsWith'],
  ['endsWith', 'startsWith'],
  ['toUpperCase', 'toLowerCase'],
  ['toLowerCase', 'toUpperCase'],
  ['some', 'every'],
  ['every', 'some'],
  ['min', 'max'],
  ['max', 'min'],
  ['trimStart', 'trimEnd'],
  ['trimEnd', 'trimStart'],
  ['trim', null],
  ['sort', null],
  ['toSorted', null],
  ['reverse', null],
  ['toReversed', null],
  ['filter', null],
  ['slice', null],
])

/** All mutations of a file, in the order of their places. Each gives a program. */
export function mutationsOf(text: string): Mutation[] {
  const code = stripped(text)
  const found = new Map<string, Mutation>()
  const add = (start: number, end: number, replacement: string): void => {
    const isChange = code.slice(start, end) !== replacement
    if (isChange) found.set(`${start} ${end} ${replacement}`, { start, end, replacement })
  }
  fullAncestor(syntaxOf(code), (node, ancestors) => {
    const around = (ancestors as AnyNode[]).slice(0, -1)
    if (!around.some((each) => isExempt(each))) mutate(node as AnyNode, around, code, add)
  })
  return [...found.values()]
    .filter((mutation) => isProgram(apply(code, mutation)))
    .sort((a, b) => a.start - b.start || b.end - a.end)
}

/** The code with the mutation. */
export const apply = (code: string, { start, end, replacement }: Mutation): string =>
  code.slice(0, start) + replacement + code.slice(end)

function isProgram(code: string): boolean {
  try {
    syntaxOf(code)
    return true
  } catch {
    return false
  }
}

/** Calls in which nothing is mutated: the log, and assertions. */
function isExempt({ type, callee }: AnyNode): boolean {
  if (type !== 'CallExpression') return false
  if (callee.type === 'Identifier') return callee.name === 'assert'
  if (callee.type !== 'MemberExpression') return false
  const { object } = callee
  const last = object.type === 'MemberExpression' ? object.property.name : object.name
  return last === 'log' || last === 'assert'
}

type Add = (start: number, end: number, replacement: string) => void

function mutate(node: AnyNode, around: AnyNode[], code: string, add: Add): void {
  switch (node.type) {
    case 'BinaryExpression':
    case 'LogicalExpression':
    case 'AssignmentExpression':
      return mutateOperator(node, code, add)
    case 'IfStatement':
    case 'ConditionalExpression':
      add(node.test.start, node.test.end, 'true')
      return add(node.test.start, node.test.end, 'false')
    case 'WhileStatement':
    case 'DoWhileStatement':
    case 'ForStatement':
      return node.test ? add(node.test.start, node.test.end, 'false') : undefined
    case 'SwitchCase':
      return mutateCase(node, add)
    case 'BlockStatement':
      return (node.body as unknown as AnyNode[]).length > 0
        ? add(node.start, node.end, '{}')
        : undefined
    case 'ArrowFunctionExpression':
      return mutateArrow(node, code, add)
    case 'CallExpression':
      return mutateCall(node, code, add)
    case 'MemberExpression':
      return node.optional ? mutateChain(node.object, node.end, code, add) : undefined
    case 'ObjectExpression':
      return node.properties.length > 0 ? add(node.start, node.end, '{}') : undefined
    case 'ArrayExpression':
      return node.elements.length > 0 ? add(node.start, node.end, '[]') : undefined
    case 'UnaryExpression':
      return mutateUnary(node, code, add)
    case 'UpdateExpression':
      return add(node.start, node.end, updated(node, code))
    case 'Literal':
      return mutateLiteral(node, around, add)
    case 'TemplateLiteral':
      return mutateTemplate(node, around, add)
  }
}

function mutateOperator({ start, end, left, operator, type }: AnyNode, code: string, add: Add) {
  const at = code.indexOf(operator, left.end)
  const [before, after] = [code.slice(start, at), code.slice(at + operator.length, end)]
  for (const other of OPERATORS[operator] ?? []) add(start, end, before + other + after)
  if (type === 'AssignmentExpression' || !CONDITIONS.includes(operator)) return
  add(start, end, 'true')
  add(start, end, 'false')
}

function mutateCase({ start, end, consequent, test }: AnyNode, add: Add): void {
  const [first] = consequent
  if (!first || (consequent.length === 1 && first.type === 'BreakStatement')) return
  add(first.start, end, test || start < first.start ? '' : ';')
}

function mutateArrow({ body, expression, end }: AnyNode, code: string, add: Add): void {
  if (!expression || body.type === 'Identifier') return
  // Parentheses around the body belong to it.
  const start = code.slice(0, body.start).lastIndexOf('=>') + 2
  if (body.type === 'ObjectExpression') return
  if (code.slice(body.start, end) !== 'undefined') add(start, end, ' undefined')
}

function mutateCall({ callee, end, optional }: AnyNode, code: string, add: Add): void {
  if (optional) mutateChain(callee, end, code, add)
  if (callee.type !== 'MemberExpression' || callee.computed) return
  const { object, property } = callee
  const other = METHODS.get(property.name ?? '')
  if (other === null) add(object.end, end, '')
  else if (other !== undefined) add(property.start, property.end, other)
}

/** `a?.b` becomes `a.b`; `a?.[b]` and `a?.(b)` become `a[b]` and `a(b)`. */
function mutateChain(before: AnyNode, end: number, code: string, add: Add): void {
  const at = code.indexOf('?.', before.end)
  const access = /[\w$#]/.test(code.charAt(at + 2)) ? '.' : ''
  add(before.start, end, code.slice(before.start, at) + access + code.slice(at + 2, end))
}

function mutateUnary({ operator, start, end, argument }: AnyNode, code: string, add: Add): void {
  const after = code.slice(argument.start, end)
  if (operator === '!' || operator === '~') add(start, end, after)
  if (operator === '-') add(start, end, `+${after}`)
  if (operator === '+') add(start, end, `-${after}`)
}

function updated({ argument, operator, prefix }: AnyNode, code: string): string {
  const other = operator === '++' ? '--' : '++'
  const name = code.slice(argument.start, argument.end)
  return prefix ? `${other}${name}` : `${name}${other}`
}

function mutateLiteral(node: AnyNode, around: AnyNode[], add: Add): void {
  const { start, end, value } = node
  if (typeof value === 'boolean') return add(start, end, String(!value))
  if (typeof value !== 'string' || /\s/.test(value) || !isValue(node, around)) return
  add(start, end, value === '' ? SOME_TEXT : "''")
}

function mutateTemplate(node: AnyNode, around: AnyNode[], add: Add): void {
  const isMessage = node.quasis.some(({ value }) => /\s/.test(value.raw))
  if (!isMessage && isValue(node, around) && node.end - node.start > 2) {
    add(node.start, node.end, '``')
  }
}

/** Whether a text is a value: no name of a module or a property, no directive, no message of an error. */
function isValue(node: AnyNode, around: AnyNode[]): boolean {
  const parent = around.at(-1)
  if (!parent || /^(Import|Export)(?!Default)|TaggedTemplate/.test(parent.type)) return false
  if (parent.type === 'ExpressionStatement') return false
  if (parent.key === node && !parent.computed) return false
  const isOfError = parent.type === 'NewExpression' && parent.callee.name?.endsWith('Error')
  return !isOfError
}
