// What an expression may be, judged before it is evaluated: how deep it nests (before the parser
// could run out of stack), which nodes it has and which names it names. Everything is refused that
// is not listed. Refusals are `rejected-expression` and name what was refused.

import { TaskFailure } from '../../kind.ts'
import type { GuardedInstance, Tree } from './instance.ts'
import { LIMITS } from './limits.ts'
import { isUnsafeName } from './names.ts'

function reject(message: string): never {
  throw new TaskFailure('rejected-expression', message)
}

const OPENING = '([{'
const CLOSING = ')]}'
const ENDING = ',;\n'
const OPERATORS = "+-~!^?='"

/**
 * Refuses a text that nests too deeply, in one pass and without recursion. Counts brackets, and in
 * each bracket the operators that the parser recurses on: powers, conditions, assignments, `not`
 * and signs in a row. Up to the limit's number of characters nothing can be too deep.
 */
export function checkNesting(text: string): void {
  if (text.length <= LIMITS.bracketDepthMax) return
  const open: number[] = []
  let here = 0
  let depth = 0
  let inText = false
  let before = ''
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at]!
    if (char === '"' && before !== '\\') inText = !inText
    if (inText || char === ' ' || char === '\t') {
      before = inText ? char : before
      continue
    }
    if (OPENING.includes(char)) {
      open.push(here)
      depth += 1
      here = 0
    } else if (CLOSING.includes(char)) {
      depth -= here + (open.length > 0 ? 1 : 0)
      here = open.pop() ?? 0
    } else if (ENDING.includes(char)) {
      depth -= here
      here = 0
    } else if (recurses(text, at, char, before)) {
      here += 1
      depth += 1
    }
    if (depth > LIMITS.bracketDepthMax) {
      reject(`the expression nests more than ${LIMITS.bracketDepthMax} deep (char ${at + 1})`)
    }
    before = char
  }
}

function recurses(text: string, at: number, char: string, before: string): boolean {
  if (char === '^' || char === '?') return true
  if (char === '=') return text[at + 1] !== '=' && !'=<>!'.includes(before)
  if (char === 'n') return text.startsWith('not', at)
  return OPERATORS.includes(char) && (before === '' || '+-~!^?=*/%<>&|:t'.includes(before))
}

const NODES = new Set([
  'AccessorNode',
  'ArrayNode',
  'AssignmentNode',
  'BlockNode',
  'ConditionalNode',
  'ConstantNode',
  'FunctionAssignmentNode',
  'FunctionNode',
  'IndexNode',
  'ObjectNode',
  'OperatorNode',
  'ParenthesisNode',
  'RangeNode',
  'RelationalNode',
  'SymbolNode',
])

/** What a checked tree still wants to know of the scope: names that must be in it. */
export type Checked = { variables: string[] }

/** Walks a parsed tree and refuses what is not allowed. Gives the names that the scope must have. */
export function checkTree(tree: Tree, instance: GuardedInstance): Checked {
  const { guard, math, isUnit } = instance
  const assigned = new Set<string>()
  const variables = new Set<string>()
  const calls = new Set<string>()

  /** A name that the expression gives a meaning of its own. */
  function define(name: string): void {
    checkName(name)
    assigned.add(name)
  }
  function checkName(name: string): void {
    if (isUnsafeName(name)) reject(`the name "${name}" is not allowed`)
    if (name in math && !Object.hasOwn(guard.table, name)) {
      reject(`"${name}" is not available in expressions`)
    }
    if (name === 'config') reject('"config" is not available in expressions')
  }

  function walk(node: Tree, level: number, inline: boolean): void {
    if (level > LIMITS.treeDepthMax) {
      reject(`the expression has more than ${LIMITS.treeDepthMax} operations inside each other`)
    }
    if (!NODES.has(node.type)) reject(`${node.type} is not available in expressions`)
    switch (node.type) {
      case 'SymbolNode':
        return symbol(node.name, inline)
      case 'FunctionNode':
        return call(node, level, inline)
      case 'AssignmentNode':
        if (!node.index) define(node.object.name)
        break
      case 'FunctionAssignmentNode':
        define(node.name)
        for (const name of node.params) define(name)
        break
      case 'IndexNode':
        for (const one of node.dimensions) checkKey(one)
        break
      case 'ObjectNode':
        for (const key of Object.keys(node.properties)) checkField(key)
        break
    }
    node.forEach((child) => {
      walk(child, level + 1, inline)
    })
  }

  function symbol(name: string, inline: boolean): void {
    if (name === 'end') return
    checkName(name)
    if (Object.hasOwn(guard.table, name)) {
      if (typeof guard.table[name] === 'function' && !guard.isValue(name)) variables.add(name)
      return
    }
    if (!inline && !isUnit(name)) variables.add(name)
  }

  function call(node: Tree, level: number, inline: boolean): void {
    const callee: Tree = node.fn
    if (callee.type !== 'SymbolNode') reject(`methods cannot be called: ${clip(node)}`)
    const name: string = callee.name
    checkName(name)
    if (!Object.hasOwn(guard.table, name)) calls.add(name)
    const args: Tree[] = node.args
    const takesInline = name === 'map' || name === 'filter' || name === 'forEach'
    for (const [place, arg] of args.entries()) {
      walk(arg, level + 1, inline || (takesInline && place > 0 && place === args.length - 1))
    }
  }

  walk(tree, 1, false)
  for (const name of calls) {
    if (!assigned.has(name)) reject(`the function "${name}" is not available in expressions`)
  }
  return { variables: [...variables].filter((name) => !assigned.has(name)) }
}

function checkField(key: string): void {
  // As ObjectNode will read it: escapes of Unicode characters resolved.
  const plain = JSON.parse(`"${JSON.stringify(key).slice(1, -1)}"`) as string
  for (const name of [key, plain, unescaped(key)]) {
    if (isUnsafeName(name)) reject(`the field "${name}" is not allowed`)
  }
}
const unescaped = (key: string) =>
  key.replace(/\\u([0-9a-fA-F]{4})/g, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  )

function checkKey(dimension: Tree): void {
  if (dimension.type === 'ConstantNode' && typeof dimension.value === 'string') {
    checkField(dimension.value)
  }
}

function clip(tree: Tree): string {
  const text = tree.toString()
  return text.length > 60 ? `${text.slice(0, 60)}...` : text
}

/** Refuses an expression that names what is neither its own nor mathjs's nor in the scope. */
export function checkScope(checked: Checked, scope: ReadonlyMap<string, unknown>): void {
  for (const name of checked.variables) {
    if (!scope.has(name)) {
      reject(`"${name}" is neither in the scope nor assigned nor a constant or unit of mathjs`)
    }
  }
}
