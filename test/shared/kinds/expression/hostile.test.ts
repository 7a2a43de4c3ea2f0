// Expressions that mean harm, or run away: each ends in a failure with a type, by a count of steps
// or a size, never by time, and the next expression is right.

import t from 'tap'
import { createEvaluator } from '../../../../shared/kinds/expression/evaluate.ts'
import type { NumberType } from '../../../../shared/kinds/expression/instance.ts'
import { loadMathjs } from '../../../../shared/kinds/expression/mathjs.ts'
import type { TaskFailure } from '../../../../shared/kinds/kind.ts'

const evaluate = createEvaluator(loadMathjs())

function failure(expression: string, number: NumberType = 'number'): string {
  try {
    return `gave ${JSON.stringify(evaluate({ expression, number })).slice(0, 200)}`
  } catch (error) {
    const { type, message } = error as TaskFailure
    return `${type}: ${message}`
  }
}

/** Whether an ordinary expression gives its value. */
function isRight(number: NumberType = 'number'): boolean {
  const expression = 'f(x) = x * 2; f(3) + sum([1, 2; 3, 4])'
  return evaluate({ expression, number }).resultText === '[16]'
}

const lines = (first: string, then: string, times: number) =>
  `${first}\n${`${then}\n`.repeat(times)}`

type Case = [expression: string, number?: NumberType]

const ESCAPES: Case[] = [
  ['import({a: 1})'],
  ['import = 3'],
  ['config({number: "BigNumber"})'],
  ['config'],
  ['createUnit("foo")'],
  ['evaluate("1 + 1")'],
  ['parse("1 + 1")'],
  ['compile("1")'],
  ['parser()'],
  ['chain(3)'],
  ['typed({})'],
  ['reviver'],
  ['replacer'],
  ['help(sin)'],
  ['simplify("x + x")'],
  ['derivative("x^2", "x")'],
  ['resolve("x")'],
  ['random()'],
  ['randomInt(5)'],
  ['pickRandom([1, 2])'],
  ['map([1, 2], random)'],
  ['expression'],
  ['Unit'],
  ['SymbolNode'],
  ['constructor'],
  ['__proto__'],
  ['__proto__ = 3'],
  ['toString'],
  ['hasOwnProperty("a")'],
  ['f(constructor) = 3'],
  ['constructor(x) = 3'],
  ['cos.constructor("return 1")()'],
  ['cos.constructor'],
  ['f(x) = x\nf.constructor'],
  ['{}.constructor'],
  ['{constructor: 1}'],
  ['{__proto__: 1}'],
  ['{"__proto__": {a: 1}}'],
  ['{"co\\u006Estructor": 1}'],
  ['a = {}; a["constructor"]'],
  ['a = {}; a["__proto__"] = 3'],
  ['a = {}; a.prototype = 3'],
  ['a = {f: sqrt}; a.f(4)'],
  ['a = [1, 2]; a.map(sqrt)'],
  ['a = "text"; a.replace("t", "x")'],
  ['[1].toString()'],
  ['a = {b: {c: sqrt}}; a["b"]["c"](4)'],
  // mathjs issue 821, and the first advisories
  ['["//","a/*\\nreturn 1"]._data.map(cos.constructor)[1]()("child_process")'],
  ['import({matrix:cos.constructor},{override:1});x=["1"];x()'],
  ['f(x) = 1; f.apply(null, [1])'],
  ['expression.transform.x'],
  // CVE-2026-41139: an object that pretends to be an index
  ['a = matrix([1]); a.get({length: 1, reduce: sqrt})'],
  ['a = matrix([1]); g = a.get; g({})'],
  // CVE-2026-40897: a property set on an array hijacks map
  ['a = [1, 2]; a.map = sqrt'],
  ['a = [1, 2]; a._data.map = sqrt'],
]

t.test('refuses what would reach out of the expression, by type and name', async (t) => {
  for (const [expression] of ESCAPES) {
    t.match(failure(expression), /^(rejected-expression|evaluation): \S/, expression)
  }
  t.equal(
    failure('import({a: 1})'),
    'rejected-expression: "import" is not available in expressions',
  )
  t.equal(
    failure('{constructor: 1}'),
    'rejected-expression: the field "constructor" is not allowed',
  )
})

t.test('refuses names that are made while it runs', async (t) => {
  const made = 'name = concat("constr", "uctor")\n'
  t.match(failure(`${made}a = {}\na[name]`), /^evaluation: No access to property/)
  t.match(failure(`${made}a = {}\na[name] = 3`), /^evaluation: No access to property/)
  t.match(failure(`${made}subset({a: 1}, index(name))`), /^evaluation: No access to property/)
  const shown = 'evaluation: print cannot show "constructor"'
  t.equal(failure('print("$constructor.name", {a: 1})'), shown)
  t.equal(failure('print("$a.constructor.name", {a: 1})'), shown)
  t.equal(failure('print(concat("$a.constr", "uctor"), {a: 1})'), shown)
})

t.test('is not deceived by objects that pretend to be something else', async (t) => {
  for (const pretender of [
    '{isDenseMatrix: true, isMatrix: true, _size: [2], _data: [1, 2]}',
    '{isIndex: true, _dimensions: [1], length: 1}',
    '{isUnit: true, units: [], type: "Unit"}',
    '{type: "BigNumber", isBigNumber: true, d: [1], e: 1, s: 1}',
    '{isNode: true, type: "ConstantNode"}',
  ]) {
    t.match(failure(pretender), /^gave .*"resultType":"Object"/, pretender)
    t.match(failure(`subset([1, 2], ${pretender})`), /^evaluation: Unexpected type/, pretender)
    t.match(failure(`${pretender} + 1`), /^evaluation: Unexpected type/, pretender)
  }
  t.match(failure('{mathjs: "BigNumber", value: "3"}'), /^evaluation: an object of a result/)
})

const NESTED: Case[] = [
  [`${'('.repeat(4_000)}1${')'.repeat(4_000)}`],
  [`${'['.repeat(4_000)}1${']'.repeat(4_000)}`],
  [`${'{a:'.repeat(2_000)}1${'}'.repeat(2_000)}`],
  [`${'-'.repeat(9_000)}1`],
  [`${'- '.repeat(4_000)}1`],
  [`${'~'.repeat(9_000)}1`],
  [`${'not '.repeat(2_000)}true`],
  [`1${'!'.repeat(9_000)}`],
  [`'"' + ${'('.repeat(4_000)}1${')'.repeat(4_000)}`],
  [`${'(")" + '.repeat(1_200)}1${')'.repeat(1_200)}`],
  [`${"(')' + ".repeat(1_200)}1${')'.repeat(1_200)}`],
  [`${'(1 # )\n + '.repeat(900)}1${')'.repeat(900)}`],
  [`${"(2 mod ')' + ".repeat(700)}1${')'.repeat(700)}`],
  [`${"(A' + ".repeat(1_200)}1${')'.repeat(1_200)}`],
  [`2${'^2'.repeat(4_000)}`],
  [`2${'.^2'.repeat(3_000)}`],
  [`2${'^-2'.repeat(3_000)}`],
  [`1${'?1'.repeat(2_000)}${':1'.repeat(2_000)}`],
  [`${'a='.repeat(4_000)}1`],
  [`${'f(x)='.repeat(1_500)}1`],
  [`1${'+1'.repeat(4_900)}`],
  [`a${'.b'.repeat(4_000)}`],
  [`a=[1]\na${"'".repeat(8_000)}`],
  [`${'sqrt('.repeat(1_500)}1${')'.repeat(1_500)}`],
  [`a=[1]\n${'a['.repeat(3_000)}1${']'.repeat(3_000)}`],
  [`1${' to cm'.repeat(1_500)}`],
  [`true${' and true'.repeat(1_000)}`],
]

t.test('refuses deep nesting before the stack would run out', async (t) => {
  for (const [expression] of NESTED) {
    t.match(
      failure(expression),
      /^rejected-expression: the expression (nests more than|has more than \d+ operations)/,
      expression.slice(0, 30),
    )
  }
})

const RUNAWAY: Case[] = [
  ['f(x) = f(x)\nf(1)'],
  ['f(x) = f(x + 1) + f(x + 2)\nf(1)'],
  ['f(n) = n < 1 ? 1 : f(n - 1) + f(n - 1)\nf(100)'],
  ['f(x) = map([1, 2], f)\nf(1)'],
  ['f(n) = n < 1 ? 1 : sum(map([n - 1, n - 1], f))\nf(60)'],
  ['f(g) = g(g)\nf(f)'],
  ['map(1:100000, sum(1:x))'],
  ['ones(1e9)'],
  ['zeros(1e5, 1e5)'],
  ['identity(1e5)'],
  ['1:1e12'],
  ['range(1, 1e10)'],
  ['range("1:1e10")'],
  ['true : 1/0'],
  ['"1" : 1/0'],
  ['null : 1/0'],
  ['range(1e16, 1e16 + 1000, 1)'],
  ['1:1e12', 'BigNumber'],
  ['1:1000000000000', 'Fraction'],
  ['1:1000000000000', 'bigint'],
  ['A = [1]; A[1:1e12]'],
  ['resize([1], [1e9])'],
  ['reshape([1], [1e9, 1])'],
  ['kron(ones(1000), ones(2000))'],
  ['concat(ones(1000, 900), ones(1000, 900))'],
  ['diag(1:3000)'],
  ['ones(5000, 1) + ones(1, 5000)'],
  ['ones(5000, 1) and ones(1, 5000)'],
  ['bitOr(ones(1000, 1), ones(1, 1000))'],
  ['map(ones(1000, 1), ones(1, 1000), add)'],
  [`zeros(${'1,'.repeat(3_000)}1)`],
  ['matrixFromFunction([10000, 10000], f(i) = 1)'],
  ['A = [1]\nA[1000000000] = 1'],
  ['A = ones(1, 1000)\nA[100000, 1] = 1'],
  ['A = ones(2, 2)\nA[ones(2000), ones(2000)]'],
  ['o = {a: [1]}\no.a[100000, 100000] = 1'],
  ['subset("a", index(1e9), "b")'],
  [lines('s = "a"', 's[1000000] = "b"', 500)],
  [lines('s = "aaaaaaaaaa"', 's = concat(s, s)', 100)],
  [lines('a = [1, 2]', 'a = [a, a]', 60)],
  [lines('a = {x: 1}', 'a = {x: a, y: a}', 60)],
  [lines('x = 3', 'x = x * x', 100), 'bigint'],
  [lines('x = 1 / 3', 'x = x * x', 100), 'Fraction'],
  [lines('x = 1 / 3', 'x = x + 1 / x', 100), 'Fraction'],
  [lines('u = cm', 'u = u * u * m * s', 200)],
  ['2 ^ 100000000', 'bigint'],
  ['(2 ^ 30000) ^ 2', 'bigint'],
  ['dotPow([2, 3], 10000000)', 'bigint'],
  ['[1, 1; 1, 0] ^ 1000000', 'bigint'],
  ['(2 / 3) ^ 1000000', 'Fraction'],
  ['(10 ^ 30 + 57) ^ (1 / 2)', 'Fraction'],
  ['log(10 ^ 30 + 57, 3)', 'Fraction'],
  ['leftShift(1, 100000000)', 'bigint'],
  ['prod(1:8000)', 'bigint'],
  ['sum(1 ./ (1:100000))', 'Fraction'],
  ['factorial(100000)', 'BigNumber'],
  ['factorial(bignumber("1e9000"))'],
  ['gamma(bignumber(1e9))'],
  ['combinations(1e15, 5e14)'],
  ['combinationsWithRep(1e15, 1e15)'],
  ['permutations(1e15, 1e14)'],
  ['composition(1e12, 1e11)'],
  ['multinomial([1e9, 1e9])'],
  ['catalan(1e9)'],
  ['stirlingS2(1e6, 1e5)'],
  ['bellNumbers(1e5)'],
  ['bernoulli(1e6)'],
  ['bernoulli(1000)', 'Fraction'],
  ['isPrime(9007199254740881)'],
  ['isPrime(10 ^ 60 + 7)', 'BigNumber'],
  ['isPrime(10 ^ 60 + 7)', 'bigint'],
  ['nthRoots(1, 1e9)'],
  ['setPowerset(1:40)'],
  ['setCartesian(1:3000, 1:3000)'],
  ['expm(ones(100, 100))'],
  ['eigs(ones(300, 300))'],
  ['norm(ones(300, 300))'],
  ['det(ones(500, 500))'],
  ['ones(400, 400) * ones(400, 400)'],
  ['fft(ones(100003))'],
  ['freqz([1], [1, 2], 1e9)'],
  ['format(1 / 3, {notation: "fixed", precision: 1e8})'],
  ['format(1 / 3, 1e9)'],
  ['format(bignumber("1e9000000"), {notation: "fixed"})'],
  ['bin(1, 1e9)'],
  ['bignumber("1e9000000") mod 7'],
  ['bignumber("1e9000000000") + 1'],
  ['bitAnd(bignumber("1e100000"), 3)'],
  ['bigint(bignumber("1e1000000"))'],
  ['fraction(bignumber("1e100000"))'],
  ['gcd(bignumber("1e9000"), 7)'],
  ['sinh(bignumber("1e9"))'],
  ['atan(bignumber("1e100"))'],
  ['acosh(bignumber("1e1000"))'],
  ['map(1:2000, asinh(x))', 'BigNumber'],
  ['print(concat("$x", "$x$x$x$x"), {x: format(ones(300, 300))})'],
  // The cost of reading a text or a number as something else.
  [`${lines('s = "7777777777"', 's = concat(s, s)', 14)}complex(s)`],
  [`${lines('s = "7777777777"', 's = concat(s, s)', 12)}sum(map(1:100, s + i * x))`],
  [`${lines('s = "ffffffffff"', 's = concat(s, s)', 14)}bignumber(concat("0x", s))`],
  [`${lines('s = "0b0b0b0b0b"', 's = concat(s, s)', 14)}number(s)`],
  ['map(1:200, fraction(1 / (10 ^ 7 + x)))'],
  ['quantileSeq(1:100000, (0:1000) / 1000)'],
  ['quantileSeq(1:100000, 1000)'],
  ['map(ones(2000), hypot(bignumber(2), x))'],
  ['ceil((1:50000) / 7, bignumber(1) / 3)', 'BigNumber'],
  ['a = {}\na.b = a\na.c = a\nclone(a)'],
  ['a = {}\na.b = a\na.c = a\nstring(a)'],
]

t.test('ends what runs away at a limit that it names, and is right again', async (t) => {
  for (const [expression, number] of RUNAWAY) {
    t.match(
      failure(expression, number),
      /^(evaluation|result-too-large): .*((?:more|longer) than \d+|above \d+|too deeply|inside each other)/,
      `${expression.slice(0, 60)} ${number ?? ''}`,
    )
    t.ok(isRight(number), 'after it')
  }
})

t.test('refuses again what it refused before, with the same words', async (t) => {
  const cheap = [...RUNAWAY.slice(0, 2), ...RUNAWAY.slice(7, 14)]
  for (const [expression, number] of [...NESTED, ...ESCAPES, ...cheap]) {
    t.equal(failure(expression, number), failure(expression, number))
  }
})

t.test('does not give a result longer than the limit', async (t) => {
  t.match(failure('ones(600, 600)'), /^(gave|result-too-large)/)
  t.equal(failure('zeros(1000, 900)'), 'result-too-large: the result is longer than 1048576 bytes')
  t.equal(
    failure(`${lines('s = "aaaaaaaaaa"', 's = concat(s, s)', 16)}[s, s]`).slice(0, 16),
    'result-too-large',
  )
  t.match(failure('a = {}\na.b = a'), /^evaluation: a result nests more than/)
})

t.test('is right again after each refusal', async (t) => {
  for (const [expression, number] of [...NESTED, ...ESCAPES]) {
    failure(expression, number)
    t.ok(isRight(number), expression.slice(0, 60))
  }
})

t.test('a failure inside decimal.js does not change the digits of later results', async (t) => {
  const third = () => evaluate({ expression: '1/3', number: 'BigNumber' }).resultText
  const before = third()
  for (const expression of ['sin(10 ^ 4096)', 'cos(10 ^ 2000)', 'tan(10 ^ 1000)']) {
    t.match(failure(expression, 'BigNumber'), /Precision limit exceeded/, expression)
    t.equal(third(), before)
  }
})
