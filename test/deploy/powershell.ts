// What can be said of a PowerShell script without PowerShell, by its syntax tree (tree-sitter, the
// grammar that editors use): whether it is well-formed, and a few of the mistakes that PowerShell
// would only find while it runs.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Node } from 'web-tree-sitter'
import { Language, Parser } from 'web-tree-sitter'

/** Variables that PowerShell sets or reads itself. */
const AUTOMATIC = ['_', 'args', 'erroractionpreference', 'lastexitcode', 'null', 'pscmdlet']
  .concat(['psscriptroot', 'true', 'false'])
  .map((name) => `$${name}`)
/** Verbs of `Get-Verb` that we use, and those of Hyper-V's, network's and storage's cmdlets. */
const VERBS =
  /^(Add|Convert(To)?|Copy|Dismount|Expand|Format|Get|Initialize|Install|Invoke|Join|Mount|Move|New|Out|Remove|Resize|Select|Set|Show|Sort|Start|Stop|Test|Uninstall|Wait|Where|ForEach|Write)-[A-Z]\w*$/

const grammar = createRequire(import.meta.url).resolve(
  'tree-sitter-powershell/tree-sitter-powershell.wasm',
)

/** Gives the mistakes that are seen in a script, each with its line. */
export async function lintPowerShell(path: string): Promise<string[]> {
  await Parser.init()
  const parser = new Parser()
  parser.setLanguage(await Language.load(grammar))
  const text = readFileSync(path, 'utf8')
  const root = parser.parse(text)?.rootNode
  if (!root) throw new Error(`${path} was not read`)
  const nodes = [...descendants(root)]
  const at = (node: Node, words: string) => `${node.startPosition.row + 1}: ${words}`
  return [
    ...nodes
      .filter((node) => node.isError || node.isMissing)
      .map((n) => at(n, `syntax: ${n.text}`)),
    ...commands(nodes).map((node) => at(node, `${node.text} is no cmdlet's name: an alias?`)),
    ...unassigned(nodes).map((node) => at(node, `${node.text} is read and never set`)),
    ...(text.includes('Set-StrictMode -Version Latest') ? [] : ['1: no Set-StrictMode']),
    ...(text.includes("$ErrorActionPreference = 'Stop'") ? [] : ['1: goes on after errors']),
    ...(/[^\x20-\x7e\n]/.test(text)
      ? ['1: a character that Windows PowerShell reads wrongly']
      : []),
  ]
}

function* descendants(node: Node): Generator<Node> {
  yield node
  for (const child of node.children) yield* descendants(child)
}

/** Names of commands that are neither cmdlets, nor functions of the script, nor programs by path. */
const commands = (nodes: Node[]): Node[] =>
  nodes.filter(
    ({ type, text, parent }) =>
      type === 'command_name' &&
      !VERBS.test(text) &&
      !text.endsWith('.exe') &&
      // Where the grammar takes a range for a name.
      !/^\d+\.\./.test(text) &&
      !parent?.text.startsWith('&'),
  )

/** Reads of variables that nothing in the script sets: with strict mode an error when it comes to it. */
function unassigned(nodes: Node[]): Node[] {
  const variables = nodes.filter(({ type }) => type === 'variable')
  const isSet = ({ parent, nextSibling }: Node): boolean => {
    for (let at = parent; at; at = at.parent) {
      if (at.type === 'left_assignment_expression') return at.text.split(/[.[]/)[0] === at.text
      if (at.type === 'script_parameter' || at.type === 'foreach_statement') return true
      if (at.type === 'pipeline' || at.type === 'script_parameter_default') return false
    }
    return nextSibling?.type === 'in'
  }
  const name = ({ text }: Node): string =>
    text.toLowerCase().replace(/^@/, '$').replace(/[{}]/g, '')
  const set = new Set([...AUTOMATIC, ...variables.filter(isSet).map(name)])
  return variables.filter((node) => !set.has(name(node)) && !name(node).startsWith('$env:'))
}
