// The language of range-sum: arithmetic in one variable, n. A parser of its own and not mathjs's,
// because the master reads expressions too - to refuse mistakes at once and to weigh ranges - and
// must not load mathjs for that. What both read means the same in both.
//
//   sum      = product {("+" | "-") product}
//   product  = implicit {("*" | "/" | "%") implicit}
//   implicit = quotient {quotient}                2n; it binds tighter: n/2n = n/(2n)
//   quotient = unary {"/" number}                 of numbers, before a name or "(": 1/2n = (1/2)n
//   unary    = ("-" | "+") unary | power
//   power    = atom ["^" unary]                   2^3^2 = 2^9, -2^2 = -4
//   atom     = digits | "n" | "pi" | "e" | name "(" sum ")" | "(" sum ")"

/** A number as it was written: exactly n / d, and the double nearest to it. */
export type Literal = { is: 'number'; n: bigint; d: bigint; double: number }
export type Tree =
  | Literal
  | { is: 'n' }
  | { is: 'constant'; name: 'pi' | 'e' }
  | { is: 'negate'; of: Tree }
  | { is: 'call'; name: FunctionName; of: Tree }
  | { is: '+' | '-' | '*' | '/' | '%' | '^'; left: Tree; right: Tree }

/** Functions that keep what is exact exact, and those that do not. */
export const EXACT_FUNCTIONS = ['abs', 'floor', 'ceil'] as const
export const FUNCTIONS = [
  ...EXACT_FUNCTIONS,
  ...(['sqrt', 'cbrt', 'exp', 'log', 'log2', 'log10', 'sin', 'cos', 'tan', 'sign'] as const),
]
export type FunctionName = (typeof FUNCTIONS)[number]

const LEVELS_MAX = 50
const DIGITS_MAX = 1_000
const TOKEN = /\s*(?:(\d+(?:\.\d+)?|\.\d+)(?:[eE]([+-]?\d{1,3})(?!\w))?|([A-Za-z_]\w*)|(\S))/y

type Token = { at: number; text: string; number?: Literal; name?: string }

/** What is wrong with an expression, and where. */
export class SyntaxMistake extends Error {}

/** Parses an expression. Throws SyntaxMistake, in words. */
export function parse(text: string): Tree {
  const tokens = tokensOf(text)
  let next = 0
  let level = 0
  const tree = sum()
  if (next < tokens.length) throw unexpected()
  return tree

  function sum(): Tree {
    let left = product()
    for (let is = sign('+', '-'); is; is = sign('+', '-')) left = { is, left, right: product() }
    return left
  }

  function product(): Tree {
    let left = implicit()
    for (let is = sign('*', '/', '%'); is; is = sign('*', '/', '%')) {
      left = { is, left, right: implicit() }
    }
    return left
  }

  function implicit(): Tree {
    let left = quotient()
    while (isFactor(tokens[next])) left = { is: '*', left, right: quotient() }
    return left
  }

  function quotient(): Tree {
    let from = next
    let left = unary()
    while (isNumberSince(from) && tokens[next + 1]?.number && isFactor(tokens[next + 2])) {
      if (!sign('/')) break
      from = next
      left = { is: '/', left, right: unary() }
    }
    return left
  }

  /** As it was written: no more than a number, or one with a sign. */
  function isNumberSince(from: number): boolean {
    return next - from <= 2 && tokens[next - 1]?.number !== undefined
  }

  function unary(): Tree {
    if (++level > LEVELS_MAX) throw new SyntaxMistake(`is nested deeper than ${LEVELS_MAX} levels`)
    const is = sign('-', '+')
    const tree: Tree = is === '-' ? { is: 'negate', of: unary() } : is ? unary() : power()
    level--
    return tree
  }

  function power(): Tree {
    const left = atom()
    return sign('^') ? { is: '^', left, right: unary() } : left
  }

  function atom(): Tree {
    const token = tokens[next]
    if (!token) throw new SyntaxMistake('ends where a number, n or "(" is expected')
    next++
    if (token.number) return token.number
    if (token.name) return named(token.name)
    if (token.text !== '(') throw unexpected(token)
    return closed()
  }

  function named(name: string): Tree {
    if (name === 'n') return { is: 'n' }
    if (name === 'pi' || name === 'e') return { is: 'constant', name }
    if (!(FUNCTIONS as readonly string[]).includes(name)) {
      throw new SyntaxMistake(
        `has the unknown name "${name}"; known are n, pi, e, ${FUNCTIONS.join(', ')}`,
      )
    }
    if (!sign('(')) throw new SyntaxMistake(`needs a "(" after ${name}`)
    return { is: 'call', name: name as FunctionName, of: closed() }
  }

  function closed(): Tree {
    const tree = sum()
    if (!sign(')')) throw tokens[next] ? unexpected() : new SyntaxMistake('lacks a ")"')
    return tree
  }

  /** The sign that stands next, if it is one of these; it is passed over. */
  function sign<S extends string>(...signs: S[]): S | undefined {
    const token = tokens[next]
    const found = signs.find((each) => token && !token.number && !token.name && token.text === each)
    if (found) next++
    return found
  }

  function unexpected(token = tokens[next] as Token): SyntaxMistake {
    return new SyntaxMistake(`has an unexpected "${token.text}" at character ${token.at + 1}`)
  }
}

/** As in 2n, 2(n + 1) and (n + 1)(n - 1): never before a number, which would be a slip. */
const isFactor = (token: Token | undefined): boolean =>
  token !== undefined && !token.number && (token.name !== undefined || token.text === '(')

function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  const pattern = new RegExp(TOKEN)
  const end = text.trimEnd().length
  while (pattern.lastIndex < end) {
    const found = pattern.exec(text)
    if (!found) break
    const [all, digits, exponent, name, other] = found
    const at = found.index + all.length - all.trimStart().length
    if (digits !== undefined) tokens.push({ at, text: digits, number: literal(digits, exponent) })
    else if (name !== undefined) tokens.push({ at, text: name, name })
    else tokens.push({ at, text: other as string })
  }
  return tokens
}

function literal(digits: string, exponent = '0'): Literal {
  const [whole = '', fraction = ''] = digits.split('.')
  if (digits.length > DIGITS_MAX) {
    throw new SyntaxMistake(`has a number of more than ${DIGITS_MAX} digits`)
  }
  const power = Number(exponent) - fraction.length
  const n = BigInt(`${whole}${fraction}`)
  const double = Number(`${digits}e${exponent}`)
  if (power >= 0) return { is: 'number', n: n * 10n ** BigInt(power), d: 1n, double }
  const d = 10n ** BigInt(-power)
  const by = gcd(n, d)
  return { is: 'number', n: n / by, d: d / by, double }
}

/** The greatest common divisor; positive. */
export function gcd(a: bigint, b: bigint): bigint {
  let [x, y] = [a < 0n ? -a : a, b < 0n ? -b : b]
  while (y !== 0n) [x, y] = [y, x % y]
  return x === 0n ? 1n : x
}
