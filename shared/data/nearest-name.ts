// The name that somebody probably meant by one that is not known.

/** So many letters may differ, of a name that is not much shorter. */
const EDITS_MAX = 2
const LETTERS_MAX = 64

/** The nearest of `names`, when it is near enough to be meant; else null. */
export function nearest(name: string, names: readonly string[]): string | null {
  if (name.length > LETTERS_MAX) return null
  let best: string | null = null
  let least = EDITS_MAX + 1
  for (const each of names) {
    const edits = distance(name.toLowerCase(), each.toLowerCase())
    if (edits >= least || edits >= each.length / 2) continue
    best = each
    least = edits
  }
  return best
}

/** Letters to insert, remove or replace (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1))
    }
    row = next
  }
  return row[b.length] as number
}
