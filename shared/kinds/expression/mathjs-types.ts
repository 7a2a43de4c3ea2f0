// The parts of mathjs that we use: its own types say too little.

// biome-ignore lint/suspicious/noExplicitAny: mathjs calls with anything, and its nodes hold anything
type Any = any
/** What we use of mathjs; its own types do not know `_compile`, mathWithTransform and the classes. */
export type Instance = Any
export type Evaluate = (scope: Map<string, unknown>, args: object, context: unknown) => unknown
export type RawArgument = { compile(): { evaluate(scope: unknown): unknown } }
/** A node of a parsed expression. check.ts says which there may be. */
export type Tree = {
  type: string
  forEach(visit: (child: Tree) => void): void
  _compile(table: unknown, argNames: object): Evaluate
  filter(test: (node: Tree) => boolean): Tree[]
  toString(): string
} & Record<string, Any>

/** What we use of the library as mathjs.ts loads it. */
export type Mathjs = { create(config: object): Instance }
