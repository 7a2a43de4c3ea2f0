// The public strings of a TypeScript or JavaScript file, found in its syntax tree.

import type { Node } from 'acorn'
import { fullAncestor } from 'acorn-walk'
import { stripped, syntaxOf } from '../rigs/source/syntax.ts'
import { htmlStrings } from './other-strings.ts'
import type { PublicString, Sort } from './sorts.ts'

/** The members of acorn's nodes that are read here. */
type Syntax = Node & {
  arguments?: Syntax[]
  alternate?: Syntax
  callee?: Syntax
  computed?: boolean
  consequent?: Syntax
  expressions?: Syntax[]
  id?: Syntax
  key?: Syntax
  left?: Syntax
  name?: string
  object?: Syntax
  operator?: string
  property?: Syntax
  quasi?: Syntax
  quasis?: { value: { cooked: string } }[]
  right?: Syntax
  tag?: Syntax
  test?: Syntax
  value?: unknown
}

const LEVELS = /^(trace|debug|info|warn|error|fatal)$/
const METRICS = /^((counter|gauge|histogram)s?|seconds|ratio|info)$/
const COMMANDS = /^(command|option|argument|addHelpText|description|summary|usage)$/
const DESCRIBING = /^(description|wanted|defaultText|summary)$/
/** Calls whose text is compared or is code, and is shown to nobody. */
const CODE_CALLS = /^(startsWith|endsWith|includes|split|join|indexOf|exec|prepare|query|run|css)$/
/** Two words with a space between them. */
const PROSE = /[\p{L}}][,.:;)'"]*\s+[('"{<]?[\p{L}\d{]/u
const SQL =
  /\b(SELECT|INSERT|CREATE|UPDATE|DELETE|PRAGMA|BEGIN|ALTER|WHERE|VALUES|DROP|ORDER BY|CASE WHEN|TEXT|INTEGER|AND|status,)(\b|$)/
/** Media types, headers, CSS, code that is made as text, and lists of names. */
const CODE =
  /^\w+\/[\w+.-]+(;|$)|=>|;\n|^(var|calc|hsl|color-mix|width|import)\b|^\(prefers|-src '|^[\w-]+ '(self|none)'|^\w+=\{|(^|[\s{}])CN=|^HTTP|^(inline|retry|id|\{SUMMARY|\{PLAIN|\{LIVE_COLUMNS)\b|^grep /
/** Holes and signs, and no word. */
const ONLY_HOLES = /^[\s·,.:;/|×()-]*(\{[\w.]*\}[\s·,.:;/|×()-]*)+$/

const isNoProse = (words: string): boolean =>
  [CODE, SQL, ONLY_HOLES].some((each) => each.test(words))
/** Attributes of HTML whose values are no words. */
const ATTRIBUTE = /\b(class|href|style|id|key|role|d|viewBox|points|transform|value|on\w+|src)=$/

/** Gives the public strings of a file in the file's order. A page shows single words, too. */
export function javascriptStrings(text: string, isPage: boolean): PublicString[] {
  const found: { at: number; string: PublicString }[] = []
  const add = ({ start }: Node, sort: Sort, words: string): void => {
    found.push({ at: start, string: { sort, words: words.replaceAll(/\s+/g, ' ').trim() } })
  }
  fullAncestor(syntaxOf(stripped(text)), (node, _, all) => {
    const each = node as Syntax
    const around = (all as Syntax[]).slice(0, -1).toReversed()
    if (each.tag?.name === 'html') {
      for (const words of htmlStrings(wordsOf(each.quasi))) add(each, 'page', words)
    }
    if (!isText(each) || isCode(each, around)) return
    const words = wordsOf(each)
    const sort = sortOf(each, around)
    const isWord =
      sort === 'text' ? isPage && /^[A-Z][a-z]+\.?$/.test(words) : isSpoken(each, around)
    if (isWord || (PROSE.test(words) && !isNoProse(words))) {
      add(each, sort === 'text' && isPage ? 'page' : sort, words)
    }
  })
  return found.toSorted((a, b) => a.at - b.at).map(({ string }) => string)
}

const isText = (node: Syntax): boolean =>
  (node.type === 'Literal' && typeof node.value === 'string') ||
  node.type === 'TemplateLiteral' ||
  (node.type === 'BinaryExpression' &&
    node.operator === '+' &&
    [node.left, node.right].some((side) => side !== undefined && isText(side)))

/** The text, with `{name}` for what is put into it. */
function wordsOf(node: Syntax | undefined): string {
  if (node === undefined) return ''
  if (node.type === 'TemplateLiteral') {
    const { quasis = [], expressions = [] } = node
    return quasis
      .map(({ value }, i) => value.cooked + (i < expressions.length ? holeOf(expressions[i]) : ''))
      .join('')
  }
  if (node.type === 'BinaryExpression' && isText(node))
    return wordsOf(node.left) + wordsOf(node.right)
  return isText(node) ? String(node.value) : holeOf(node)
}

/** What stands for an expression: its name, or the words it chooses from. */
function holeOf(node: Syntax | undefined): string {
  return `{${nameOf(node)}}`
}

function nameOf(node: Syntax | undefined): string {
  switch (node?.type) {
    case 'Identifier':
      return node.name ?? ''
    case 'Literal':
      return String(node.value)
    case 'TemplateLiteral':
      return wordsOf(node)
    case 'MemberExpression':
      return node.computed ? nameOf(node.object) : nameOf(node.property)
    case 'ConditionalExpression':
      return `${nameOf(node.consequent)}|${nameOf(node.alternate)}`
    case 'CallExpression': {
      const { callee, arguments: given = [] } = node
      const isMethod = callee?.type === 'MemberExpression'
      return isMethod && /^(join|slice|map|toFixed|toString)$/.test(nameOf(callee))
        ? nameOf(callee?.object)
        : nameOf(given[0] ?? callee)
    }
    default:
      return '...'
  }
}

/** Whether a string is part of a longer one, a name, or code. */
function isCode(node: Syntax, around: Syntax[]): boolean {
  const [parent, above] = around
  if (parent === undefined) return true
  if (isText(parent) && parent.type === 'BinaryExpression') return true
  if (/^(Import|Export)|TaggedTemplate|SwitchCase/.test(parent.type))
    return parent.type !== 'ExportDefaultDeclaration'
  if (
    parent.type === 'BinaryExpression' ||
    (parent.type === 'ExpressionStatement' && above?.type === 'Program')
  )
    return true
  if (parent.type === 'MemberExpression' || parent.key === node) return true
  if (
    parent.type === 'CallExpression' &&
    parent.callee?.type === 'MemberExpression' &&
    CODE_CALLS.test(nameOf(parent.callee))
  )
    return true
  return around.some(
    (outer, i) =>
      outer.type === 'TemplateLiteral' &&
      around[i + 1]?.tag?.name === 'html' &&
      isAttribute(outer, around[i - 1] ?? node),
  )
}

/** Whether an expression of a template is the value of an attribute that nobody reads. */
function isAttribute({ quasis = [], expressions = [] }: Syntax, expression: Syntax): boolean {
  const before = quasis[expressions.indexOf(expression)]?.value.cooked ?? ''
  return ATTRIBUTE.test(before.trimEnd())
}

function sortOf(node: Syntax, around: Syntax[]): Sort {
  for (const outer of around) {
    if (/Function|^BlockStatement$/.test(outer.type)) break
    const name = nameOf(outer.callee)
    const called = outer.callee?.type === 'MemberExpression' ? nameOf(outer.callee.object) : ''
    if (outer.type === 'VariableDeclarator' && outer.id?.name === 'PROBLEMS') return 'problem'
    if (outer.type === 'NewExpression' && name === 'Problem') return 'problem'
    if (/^assert$|^ok$|^fail$/.test(name)) return 'assertion'
    if (outer.type === 'NewExpression' && /(Error|Stop)$/.test(name)) return 'error'
    if (LEVELS.test(name) && /log/i.test(called)) return 'log'
    if (METRICS.test(name) && String(outer.arguments?.[0]?.value).startsWith('askfirst'))
      return 'metric'
    if (COMMANDS.test(name)) return 'command line'
    if (outer.type === 'Property' && outer.key !== node && DESCRIBING.test(nameOf(outer.key)))
      return 'description'
  }
  return 'text'
}

/** Whether a string is what its call or property tells people, however short it is. */
function isSpoken(node: Syntax, [parent]: Syntax[]): boolean {
  const given = parent?.arguments
  if (given === undefined) return parent?.type === 'Property' && DESCRIBING.test(nameOf(parent.key))
  return given.indexOf(node) === given.length - 1 && LEVELS.test(nameOf(parent?.callee))
}
