// Patterns of paths, as of a shell: `*` and `?` (not "/"), `[a-z]`, `[!a-z]`, `**` (any number of folders).
// A leading dot is matched only by a dot. Linear in the length of a name: patterns come from clients, and
// node:path's matchesGlob takes exponential time for some, in the agent's one thread.

/** Any number of characters, or one: any, a certain one, or one of ranges. */
type Item = '*' | '?' | { is: string } | { ranges: [string, string][]; isNot: boolean }

/** The parts of a pattern, between its slashes. */
export type Glob = readonly ('**' | Item[])[]
/** How far a pattern has matched the folders of a path: indices of the parts that may come next. */
export type Progress = ReadonlySet<number>

export function createGlob(pattern: string): Glob {
  const parts = pattern.split('/')
  // All files below a folder, but not the folder.
  if (parts.at(-1) === '**') parts.push('*')
  return parts.map((part) => (part === '**' ? part : itemsOf(part)))
}

/** Where a pattern starts. */
export const beginning = (glob: Glob): Progress => closed(glob, [0])

/** How far it has matched after one more part of a path. Empty: nothing below can match. */
export function after(glob: Glob, progress: Progress, name: string): Progress {
  const next: number[] = []
  for (const at of progress) {
    const part = glob[at]
    if (part === undefined) continue
    if (part !== '**') {
      if (matchesPart(part, name)) next.push(at + 1)
    } else if (!name.startsWith('.')) next.push(at)
  }
  return closed(glob, next)
}

/** Whether the path so far matches the whole pattern. */
export const isWhole = (glob: Glob, progress: Progress): boolean => progress.has(glob.length)

/** `**` may match no folder at all. */
function closed(glob: Glob, indices: number[]): Progress {
  const all = new Set(indices)
  for (const at of all) if (glob[at] === '**') all.add(at + 1)
  return all
}

function matchesPart(items: Item[], name: string): boolean {
  if (name.startsWith('.') && !isDot(items[0])) return false
  const characters = Array.from(name)
  let at = 0
  let read = 0
  /** After the last `*`, and the first character that it does not take yet. */
  let star = -1
  let mark = 0
  while (read < characters.length) {
    const item = items[at]
    if (item === '*') {
      star = ++at
      mark = read
    } else if (item !== undefined && takes(item, characters[read]!)) {
      at++
      read++
    } else if (star >= 0) {
      at = star
      read = ++mark
    } else return false
  }
  while (items[at] === '*') at++
  return at === items.length
}

const isDot = (item: Item | undefined): boolean =>
  typeof item === 'object' && 'is' in item && item.is === '.'

const takes = (item: Exclude<Item, '*'>, character: string): boolean => {
  if (item === '?') return true
  if ('is' in item) return item.is === character
  const isIn = item.ranges.some(([from, to]) => from <= character && character <= to)
  return isIn !== item.isNot
}

function itemsOf(pattern: string): Item[] {
  const characters = Array.from(pattern)
  const items: Item[] = []
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i]!
    const end = character === '[' ? endOfRanges(characters, i) : -1
    if (end > 0) {
      items.push(rangesOf(characters.slice(i + 1, end)))
      i = end
    } else items.push(character === '*' || character === '?' ? character : { is: character })
  }
  return items
}

/** Where the ranges that begin at `[` end; -1: the bracket means itself. */
function endOfRanges(characters: string[], begin: number): number {
  const isNot = characters[begin + 1] === '!' || characters[begin + 1] === '^'
  // A bracket that comes first is one of the characters.
  return characters.indexOf(']', begin + (isNot ? 3 : 2))
}

function rangesOf(inside: string[]): Item {
  const isNot = inside[0] === '!' || inside[0] === '^'
  const listed = isNot ? inside.slice(1) : inside
  const ranges: [string, string][] = []
  for (let i = 0; i < listed.length; i++) {
    const from = listed[i]!
    const isRange = listed[i + 1] === '-' && i + 2 < listed.length
    ranges.push([from, isRange ? listed[i + 2]! : from])
    if (isRange) i += 2
  }
  return { ranges, isNot }
}
