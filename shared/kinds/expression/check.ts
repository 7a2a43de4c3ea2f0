// What a parsed expression may be, judged before it is evaluated: which nodes it has and which names
// it names. Everything is refused that is not listed. Refusals are `rejected-expression` and name
// what was refused.

import { TaskFailure } from '../kind.ts'
import type { GuardedInstance } from './instance.ts'
import { LIMITS } from './limits.ts'
import type { Tree } from './mathjs-types.ts'
import { isUnsafeName } from './names.ts'

function reject(message: string): never {
  throw new TaskFailure('rejected-expression', message)
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
      reject(`the expression has more than ${LIMITS.treeDepthMax} nested operations`)
    }
    if (!NODES.has(node.type)) reject(`${node.type} is not available in expressions`)
    switch (node.type) {
      case 'SymbolNode':
        symbol(node.name, inline)
        return
      case 'FunctionNode':
        call(node, level, inline)
        return
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
        // A key "__proto__" has become the prototype.
        if (Object.getPrototypeOf(node.properties) !== Object.prototype) checkField('__proto__')
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
