// The limits of one expression, each with its unit. They are part of the kind's meaning, the same
// on every slave: an expression that one slave refuses is refused by all.

export const LIMITS = Object.freeze({
  /** Characters of the expression. */
  expressionCharsMax: 10_000,
  /** Brackets, powers, conditions and signs inside each other, counted before parsing. */
  bracketDepthMax: 64,
  /** Levels of the parsed tree; a chain of n operators has n levels. */
  treeDepthMax: 400,
  /** Levels of the tree that run inside each other: calls of calls, times the body's levels. */
  callDepthMax: 1_000,
  /** Evaluation steps; one step is about one addition of two numbers inside a matrix. */
  stepsMax: 4_000_000,
  /** Elements of one matrix, and the largest index into one. */
  elementsMax: 1_000_000,
  /** Dimensions of one matrix; also levels of objects and of results inside each other. */
  nestingMax: 32,
  /** Decimal digits of one bigint, or of a Fraction's numerator or denominator. */
  digitsMax: 10_000,
  /** Characters of one string. */
  stringCharsMax: 1_000_000,
  /** Digits, decimals or bits that a formatting function may be asked for. */
  formatDigitsMax: 1_000,
  /** Names in the scope. */
  scopeNamesMax: 1_000,
  /** Values in the scope, all matrices and objects counted out. */
  scopeValuesMax: 100_000,
  /** Bytes of the encoded result. */
  resultBytesMax: 1_048_576,
  /** Characters of resultText; a longer one is cut and ends in an ellipsis. */
  resultTextCharsMax: 4_096,
  /** Values in a result that still has a resultText. */
  resultTextValuesMax: 2_000,
  /** Characters of a failure's message. */
  messageCharsMax: 1_000,
  /** Expressions that stay compiled, per type of number, and the longest that does. */
  compiledMax: 500,
  compiledCharsMax: 500,
})
