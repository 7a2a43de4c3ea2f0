// Small changes to the product's source, for rigs that need wrong versions of it. A change names a
// function and a fragment of its code. It does not depend on the file, on the layout of lines, or on
// comments: the function is found by its name, and whitespace, comments and trailing commas are ignored.

import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Node } from 'acorn'
import { tokenizer } from 'acorn'
import { full } from 'acorn-walk'
import { SYNTAX, stripped, syntaxOf } from './syntax.ts'

export type Change = {
  /**
   * The innermost named function, method, class or top-level constant around the fragment. Where
   * several have that name: more of the path from the outside, as in `openJobsFile.trim` or
   * `attempts.end` (the outermost name is that of the file).
   */
  in: string
  /** The code, which stands exactly once in there. */
  find: string
  /** What stands there in its place. Types do not matter: they are stripped. */
  replace: string
}

export type Place = { file: string; start: number; end: number }

type SourceFile = {
  file: string
  text: string
  /** The text without whitespace, comments and trailing commas, and where each character of it is. */
  dense: Dense
  /** Named pieces of code, from the outside to the inside. */
  named: { start: number; end: number; name: string }[]
}
type Dense = { text: string; at: number[] }

const PRODUCT = ['master', 'slave', 'shared']

export type Source = ReturnType<typeof readSource>

/** Reads the product below `root`, or the given texts by their paths. */
export function readSource(root: string, texts?: Record<string, string>) {
  const paths = PRODUCT.map((room) => `${room}/**/*.ts`)
  const read = (file: string): string => readFileSync(join(root, file), 'utf8')
  const given = texts ?? Object.fromEntries(globSync(paths, { cwd: root }).map((f) => [f, read(f)]))
  const files = Object.entries(given).map(([file, text]) => sourceFile(file, text))

  /** Every place to which a change fits; a good change has one. */
  function placesOf({ in: within, find }: Pick<Change, 'in' | 'find'>): Place[] {
    const wanted = denseOf(find, [])
    return files.flatMap((source) =>
      occurrences(source, wanted.text).filter(({ start, end }) =>
        `.${pathOf(source, start, end)}`.endsWith(`.${within}`),
      ),
    )
  }

  return {
    placesOf,
    /** The names around a piece of a file, from the file's to the innermost function's. */
    pathOf(file: string, start: number, end: number): string {
      const found = files.find((source) => source.file === file)
      if (!found) throw new Error(`${file} was not read`)
      return pathOf(found, start, end)
    },
    /** The changed file. Throws unless the change fits exactly once and gives a program. */
    change(change: Change): { file: string; text: string } {
      const places = placesOf(change)
      const [place] = places
      if (!place || places.length > 1) {
        throw new Error(`its code stands ${places.length} times in ${change.in}${hint(change)}`)
      }
      const { file, start, end } = place
      const before = given[file] as string
      const text = before.slice(0, start) + change.replace + before.slice(end)
      try {
        syntaxOf(stripped(text))
      } catch (error) {
        throw new Error(`is no program: ${(error as Error).message}`)
      }
      return { file, text }
    },
  }

  /** Where else the code stands: it moved, or a function has another name now. */
  function hint({ find }: Change): string {
    const wanted = denseOf(find, []).text
    const paths = files.flatMap((source) =>
      occurrences(source, wanted).map(({ start, end }) => pathOf(source, start, end)),
    )
    return paths.length === 0 ? ', and nowhere else' : `; it stands in ${paths.join(', ')}`
  }
}

function sourceFile(file: string, text: string): SourceFile {
  const comments: [start: number, end: number][] = []
  const onComment = (_block: boolean, _text: string, start: number, end: number) =>
    comments.push([start, end])
  for (const _token of tokenizer(text, { ...SYNTAX, onComment }));
  const program = syntaxOf(stripped(text))
  const named: SourceFile['named'] = []
  full(program, (node) => {
    for (const name of namesOf(node)) named.push({ start: node.start, end: node.end, name })
  })
  for (const { start, end, name } of constantsOf(program.body)) named.push({ start, end, name })
  named.sort((a, b) => b.end - b.start - (a.end - a.start))
  return { file, text, dense: denseOf(text, comments), named }
}

const isFunction = (node: Node | null | undefined): boolean => /Function/.test(node?.type ?? '')
const nameOf = (node: Node): string[] => {
  const { name } = node as Node & { name?: string }
  return name === undefined ? [] : [name]
}

/** The name of a function, a method or a class. */
function namesOf(node: Node): string[] {
  const { type, id, key, init, value } = node as Node &
    Record<'id' | 'key' | 'init' | 'value', Node>
  if (type === 'FunctionDeclaration' || type === 'ClassDeclaration') return id ? nameOf(id) : []
  if (type === 'VariableDeclarator') return isFunction(init) ? nameOf(id) : []
  const isMember = ['MethodDefinition', 'Property', 'PropertyDefinition'].includes(type)
  return isMember && isFunction(value) ? nameOf(key) : []
}

/** Constants of the module that are no functions. */
function constantsOf(body: Node[]): { start: number; end: number; name: string }[] {
  return body.flatMap((node) => {
    const { declaration } = node as Node & { declaration?: Node }
    const { declarations = [] } = (declaration ?? node) as Node & {
      declarations?: (Node & { id: Node; init?: Node })[]
    }
    return declarations
      .filter(({ init }) => !isFunction(init))
      .flatMap(({ id, start, end }) => nameOf(id).map((name) => ({ start, end, name })))
  })
}

/** The names around a piece of code, from the file to the innermost. */
function pathOf({ file, named }: SourceFile, start: number, end: number): string {
  const around = named.filter((each) => each.start <= start && each.end >= end)
  return [basename(file, '.ts'), ...around.map(({ name }) => name)].join('.')
}

function occurrences({ file, dense }: SourceFile, wanted: string): Place[] {
  const places: Place[] = []
  const { text, at } = dense
  for (let i = text.indexOf(wanted); i >= 0; i = text.indexOf(wanted, i + 1)) {
    if (splitsWord(dense, i) || splitsWord(dense, i + wanted.length)) continue
    places.push({ file, start: at[i] as number, end: (at[i + wanted.length - 1] as number) + 1 })
  }
  return places
}

/** Whether a word goes on across this position. */
const splitsWord = ({ text, at }: Dense, i: number): boolean =>
  /^\w\w$/.test(text.slice(i - 1, i + 1)) && at[i] === (at[i - 1] as number) + 1

function denseOf(text: string, comments: [start: number, end: number][]): Dense {
  const at: number[] = []
  let next = 0
  for (const [start, end] of [...comments, [text.length, text.length] as const]) {
    for (; next < start; next++) if (!/\s/.test(text.charAt(next))) at.push(next)
    next = end
  }
  const isTrailing = (i: number): boolean =>
    text[at[i] as number] === ',' && /[)\]}]/.test(text.charAt(at[i + 1] ?? -1))
  const kept = at.filter((_, i) => !isTrailing(i))
  return { text: kept.map((i) => text[i]).join(''), at: kept }
}
