// Expressions that mean harm, or run away: each ends in a failure with a type, by a count of steps
// or a size, never by time, and the next expression is right.

import t from 'tap'
import type { Case } from './runaway.ts'
import { ENDS_AT_ONCE, evaluate, failure, isRight, lines, NAMES_A_LIMIT } from './runaway.ts'

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
      /^rejected-expression: the expression (nests more than|has more than \d+ nested operations)/,
      expression.slice(0, 30),
    )
  }
})

t.test('ends what runs away at a limit that it names, and is right again', async (t) => {
  // hostile.system.test.ts does the same with all of RUNAWAY.
  for (const [expression, number] of ENDS_AT_ONCE) {
    t.match(
      failure(expression, number),
      NAMES_A_LIMIT,
      `${expression.slice(0, 60)} ${number ?? ''}`,
    )
    t.ok(isRight(number), 'after it')
  }
})

t.test('refuses again what it refused before, with the same words', async (t) => {
  for (const [expression, number] of [...NESTED, ...ESCAPES, ...ENDS_AT_ONCE]) {
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
