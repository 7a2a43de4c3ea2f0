// How it is told that a slave does not keep a rule.

/** A rule is not kept. */
export class Broken extends Error {
  override name = 'Broken'
  readonly expected: string
  readonly seen: string
  constructor(expected: string, seen: unknown) {
    const words = typeof seen === 'string' ? seen : (JSON.stringify(seen) ?? String(seen))
    super(`expected ${expected}; seen: ${words}`)
    this.expected = expected
    this.seen = words.length > 400 ? `${words.slice(0, 400)} ...` : words
  }
}

/** Throws Broken unless it holds. */
export function expect(holds: unknown, expected: string, seen: unknown): asserts holds {
  if (!holds) throw new Broken(expected, seen)
}
