// No regular expression of ours may backtrack or recurse over a text that somebody sent: each takes
// linear time and little stack, whatever the text. Looks at every one in master/, slave/ and shared/:
// literals, `new RegExp`, `pattern` in schemas, and those of the Python slave.

import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AST } from '@eslint-community/regexpp'
import { RegExpParser, visitRegExpAST } from '@eslint-community/regexpp'
import type { Node } from 'acorn'
import { simple } from 'acorn-walk'
import type { ReadonlyFlags } from 'regexp-ast-analysis'
import { toUnicodeSet } from 'regexp-ast-analysis'
import { analyse } from 'scslre'
import t from 'tap'
import { stripped, syntaxOf } from './rigs/source/syntax.ts'

const ROOT = join(import.meta.dirname, '..')
/** More repetitions than this count as unlimited. */
const REPETITIONS_MAX = 1_000

type Found = { where: string; source: string; flags: string }

/** What is wrong with a regular expression; empty for one that is fine. */
function faultsOf(source: string, flags: string): string[] {
  const faults: string[] = analyse(new RegExp(source, flags)).reports.map(
    (report) => `${report.exponential ? 'exponential' : 'quadratic'} backtracking (${report.type})`,
  )
  const set = { unicode: /[uv]/.test(flags), unicodeSets: flags.includes('v') }
  const tree = new RegExpParser({ ecmaVersion: 2025 }).parsePattern(source, 0, source.length, set)
  const analysed = { ...set, ignoreCase: flags.includes('i'), dotAll: flags.includes('s') }
  visitRegExpAST(tree, {
    onQuantifierEnter(loop) {
      if (loop.max <= REPETITIONS_MAX) return
      if (!isOneCharacter(loop.element)) {
        faults.push(`"${loop.raw}" repeats a group: V8 keeps a place on its stack for each round`)
      } else if (startsAgain(loop, flags, analysed)) {
        faults.push(`"${loop.raw}" is searched for again from each character that it passed over`)
      }
    },
  })
  return faults
}

type OneCharacter = AST.Character | AST.CharacterClass | AST.CharacterSet

function isOneCharacter(element: AST.Element): element is OneCharacter {
  if (element.type === 'Group' || element.type === 'CapturingGroup') {
    return (
      element.alternatives.every(
        ({ elements }) => elements.length === 1 && isOneCharacter(elements[0]!),
      ) && element.alternatives.length === 1
    )
  }
  return /^Character(Class|Set)?$/.test(element.type)
}

/**
 * Whether a search that fails after the loop begins anew inside what the loop passed over: it is not
 * bound to one place, something must follow, and the loop's characters can be the ones before it.
 */
function startsAgain(loop: AST.Quantifier, flags: string, analysed: ReadonlyFlags): boolean {
  if (flags.includes('y')) return false
  const before: AST.Element[] = []
  const after: AST.Element[] = []
  let here: AST.Element = loop
  for (;;) {
    const parent: AST.Node = here.parent
    if (parent.type !== 'Alternative') return false
    const place = parent.elements.indexOf(here)
    before.unshift(...parent.elements.slice(0, place))
    after.push(...parent.elements.slice(place + 1))
    if (parent.parent.type === 'Pattern') break
    if (parent.parent.type !== 'CapturingGroup' && parent.parent.type !== 'Group') return false
    here = parent.parent
  }
  const fails = after.some((each) => each.type !== 'Quantifier' || each.min > 0)
  if (!fails || before[0]?.type === 'Assertion') return false
  const inLoop = toUnicodeSet(loop.element as OneCharacter, analysed)
  return before.every(
    (each) =>
      !isOneCharacter(each) || !toUnicodeSet(each as OneCharacter, analysed).isDisjointWith(inLoop),
  )
}

const files = (ending: RegExp) =>
  ['master', 'slave', 'shared']
    .flatMap((room) => globSync(`${room}/**/*`, { cwd: ROOT }))
    .filter((path) => ending.test(path))
    .toSorted()
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }))

const scripts = files(/\.(ts|js|mjs)$/).map(({ path, text }) => ({
  path,
  tree: syntaxOf(path.endsWith('.ts') ? stripped(text) : text, { locations: true }),
}))

// biome-ignore lint/suspicious/noExplicitAny: acorn's nodes, told by their type
type Any = any

/** Constants that are texts, by name: patterns are made of them. */
const texts = new Map<string, Any>()
for (const { tree } of scripts) {
  simple(tree, {
    VariableDeclarator({ id, init }: Any) {
      if (id.type === 'Identifier' && textOf(init) !== undefined) texts.set(id.name, init)
    },
  })
}

/** The text that an expression stands for; a letter for what is filled in. */
function textOf(node: Any, level = 0): string | undefined {
  if (node?.type === 'Literal' && typeof node.value === 'string') return node.value
  if (node?.type === 'Literal' && node.regex) return node.regex.pattern
  if (node?.type === 'TemplateLiteral') {
    return node.quasis
      .map(
        (each: Any, place: number) =>
          each.value.cooked +
          (place < node.expressions.length
            ? (textOf(node.expressions[place], level + 1) ?? 'x')
            : ''),
      )
      .join('')
  }
  if (node?.type === 'CallExpression' && node.callee.property?.name === 'slice') {
    return textOf(node.callee.object, level + 1)?.slice(0, -1)
  }
  if (node?.type === 'Identifier' && level < 5) return textOf(texts.get(node.name), level + 1)
  return undefined
}

function regexesOfScripts(): { found: Found[]; unread: string[] } {
  const found: Found[] = []
  const unread: string[] = []
  for (const { path, tree } of scripts) {
    const where = (node: Node) => `${path}:${node.loc?.start.line}`
    const add = (node: Node, given: Any, flags = '') => {
      const source = textOf(given)
      // A literal is looked at where it stands.
      if (given.regex || texts.get(given.name)?.regex) return
      if (source === undefined) unread.push(where(node))
      else found.push({ where: where(node), source, flags })
    }
    simple(tree, {
      Literal(node: Any) {
        if (node.regex)
          found.push({ where: where(node), source: node.regex.pattern, flags: node.regex.flags })
      },
      NewExpression(node: Any) {
        if (node.callee.name === 'RegExp') add(node, node.arguments[0])
      },
      Property(node: Any) {
        if (
          node.key.name === 'pattern' &&
          !/^(Identifier|ArrowFunctionExpression|AssignmentPattern)$/.test(node.value.type)
        )
          add(node, node.value)
        else if (node.key.name === 'pattern' && texts.has(node.value.name)) add(node, node.value)
      },
    })
  }
  return { found, unread }
}

function regexesOfPython(): Found[] {
  return files(/\.py$/).flatMap(({ path, text }) =>
    [...text.matchAll(/\bre\.(\w+)\(r?"([^"]*)"/g)].map(([call, method, source = '']) => ({
      where: `${path}: ${call}`,
      source: anchored(method, source.replaceAll('\\Z', '$')),
      flags: '',
    })),
  )
}

/** As Python looks: `match` and `fullmatch` from the start; what is compiled is used for these. */
function anchored(method: string | undefined, source: string): string {
  if (method === 'fullmatch') return `^(?:${source})$`
  return method === 'match' || method === 'compile' ? `^(?:${source})` : source
}

t.test('knows what takes more than linear time, or too much stack', async (t) => {
  const BAD = [
    '(a+)+$',
    '^(a|a)*$',
    '^\\d+\\.?\\d*e',
    '\\/+$',
    '\\[[^\\]]*\\]',
    'one of (.*)$',
    '\\r?\\n(?:[ \\t]*\\r?\\n)+',
    '^(?:ab|c)*$',
    '([\\w ]+,?[\\w ]+)?[\\w ]+,?[\\w ]+\\d+:\\d+',
  ]
  for (const source of BAD) t.not(faultsOf(source, '').length, 0, source)
  const GOOD = [
    '^[a-z]{1,64}$',
    '^-?\\d+$',
    '[A-Z]+',
    'wait\\s*=\\s*"?(\\d{1,9})',
    '\\{(\\w+)\\}',
    '^\\S+$',
    '(?:[0-9]{1,3}\\.){3}',
  ]
  for (const source of GOOD) t.same(faultsOf(source, ''), [], source)
})

const { found, unread } = regexesOfScripts()
for (const { where, source, flags } of [...found, ...regexesOfPython()]) {
  t.same(faultsOf(source, flags), [], `${where} /${source}/${flags}`)
}
t.ok(found.length > 80, `reads all of them: ${found.length}`)
t.same(unread, [], 'reads what each pattern is made of')
