// What goes in and what comes out: the JSON forms, the scope, the failures, determinism.

import fc from 'fast-check'
import * as mathjsModule from 'mathjs'
import t from 'tap'
import { Value } from 'typebox/value'
import type { ExpressionInput } from '../../../../shared/kinds/expression/evaluate.ts'
import { createEvaluator } from '../../../../shared/kinds/expression/evaluate.ts'
import type { NumberType } from '../../../../shared/kinds/expression/instance.ts'
import { kind } from '../../../../shared/kinds/expression/kind.ts'
import { LIMITS } from '../../../../shared/kinds/expression/limits.ts'
import { loadMathjs } from '../../../../shared/kinds/expression/mathjs.ts'
import type { Instance } from '../../../../shared/kinds/expression/mathjs-types.ts'
import type { Result } from '../../../../shared/kinds/kind.ts'
import { TaskFailure } from '../../../../shared/kinds/kind.ts'

const mathjs = mathjsModule as unknown as {
  create(all: unknown, config: object): Instance
  all: unknown
}
const evaluate = createEvaluator(loadMathjs())
const resultOf = (expression: string, number: NumberType = 'number', scope?: object) =>
  throughJson(evaluate({ expression, number, ...(scope && { scope: scope as never }) })).result
const throughJson = (result: Result): Result => JSON.parse(JSON.stringify(result))

function failureOf(input: ExpressionInput): { type: string; message: string } {
  try {
    evaluate(input)
  } catch (error) {
    if (error instanceof TaskFailure) return { type: error.type, message: error.message }
    throw error
  }
  return { type: 'none', message: '' }
}

t.test('gives each type its documented form', async (t) => {
  const dense = (data: unknown[], ...size: number[]) => ({ mathjs: 'DenseMatrix', data, size })
  const number = (value: string) => ({ mathjs: 'number', value })
  t.equal(resultOf('0.1 + 0.2'), 0.1 + 0.2)
  t.equal(resultOf('2 ^ 70'), 2 ** 70)
  t.same(resultOf('1 / 0'), number('Infinity'))
  t.same(resultOf('-1 / 0'), number('-Infinity'))
  t.same(resultOf('0 / 0'), number('NaN'))
  t.same(resultOf('-0'), number('-0'))
  t.same(resultOf('2 ^ 64', 'bigint'), { mathjs: 'bigint', value: '18446744073709551616' })
  t.same(resultOf('0.1 + 0.2', 'BigNumber'), { mathjs: 'BigNumber', value: '0.3' })
  t.same(resultOf('-1 / 3', 'Fraction'), { mathjs: 'Fraction', n: '-1', d: '3' })
  t.same(resultOf('2 - 3i'), { mathjs: 'Complex', re: 2, im: -3 })
  t.match(resultOf('5 cm'), { mathjs: 'Unit', value: 5, unit: 'cm' })
  t.same(resultOf('[1, 1 / 0]'), dense([1, number('Infinity')], 2))
  t.same(resultOf('sparse([0, 7])'), {
    mathjs: 'SparseMatrix',
    values: [7],
    index: [1],
    ptr: [0, 1],
    size: [2, 1],
  })
  t.same(resultOf('1\n"a"\ntrue'), { mathjs: 'ResultSet', entries: [1, 'a', true] })
  t.same(resultOf('f(x) = x ^ 2'), { mathjs: 'function', value: 'f(x) = x ^ 2' })
  t.same(resultOf('1:3'), dense([1, 2, 3], 3))
  t.same(resultOf('index(1, 2:3)'), { mathjs: 'Index', dimensions: [0, dense([1, 2], 2)] })
  t.same(resultOf('sqrt'), { mathjs: 'function', value: 'sqrt' })
  t.same(resultOf('{a: [1, 2], b: {c: "x"}}'), { a: dense([1, 2], 2), b: { c: 'x' } })
  t.equal(resultOf('null'), null)
  t.same(evaluate({ expression: 'undefined' }), {
    result: null,
    resultType: 'undefined',
    resultText: 'undefined',
  })
})

t.test('takes every form back in through the scope', async (t) => {
  const values: [string, NumberType][] = [
    ['1 / 0', 'number'],
    ['-0', 'number'],
    ['3 ^ 200', 'bigint'],
    ['1 / 3', 'BigNumber'],
    ['10 ^ 500', 'BigNumber'],
    ['22 / 7', 'Fraction'],
    ['sqrt(-2)', 'number'],
    ['5 cm', 'number'],
    ['3 kg m / s^2', 'number'],
    ['9.81 m/s^2 to km/h^2', 'number'],
    ['[1, 2; 3, 4] / 3', 'BigNumber'],
    ['[1, 2; 3, 4] / 3', 'Fraction'],
    ['[1, 2 + i, 3 / 0]', 'number'],
    ['sparse([1, 0; 0, 4])', 'number'],
    ['{a: [1, 2], b: {c: "x", d: true}}', 'number'],
    ['1\n[2, 3]', 'number'],
    ['"text"', 'number'],
    ['[[1, 2], [3, 4]]', 'number'],
  ]
  for (const [expression, number] of values) {
    const first = throughJson(evaluate({ expression, number }))
    const again = throughJson(evaluate({ expression: 'x', number, scope: { x: first.result } }))
    t.same(again, first, `${expression} ${number}`)
  }
})

t.test('keeps whole numbers and fractions exact', async (t) => {
  const integer = fc.bigInt({ min: -(10n ** 60n), max: 10n ** 60n })
  const bigint = (value: bigint) => ({ mathjs: 'bigint', value: String(value) })
  fc.assert(
    fc.property(integer, integer, (a, b) => {
      const scope = { a: bigint(a), b: bigint(b) }
      t.same(resultOf('a * b + a', 'bigint', scope), bigint(a * b + a))
    }),
    { numRuns: 200 },
  )
  fc.assert(
    fc.property(integer, fc.bigInt({ min: 1n, max: 10n ** 40n }), (n, d) => {
      const fraction = { mathjs: 'Fraction', n: String(n), d: String(d) }
      const back = resultOf('x + 1 - 1', 'Fraction', { x: fraction }) as { n: string; d: string }
      t.equal(BigInt(back.n) * d, n * BigInt(back.d))
    }),
    { numRuns: 200 },
  )
  fc.assert(
    fc.property(fc.double(), (x) => {
      const form =
        Number.isFinite(x) && !Object.is(x, -0)
          ? x
          : { mathjs: 'number', value: Object.is(x, -0) ? '-0' : String(x) }
      t.same(resultOf('x', 'number', { x: form }), form)
    }),
    { numRuns: 300 },
  )
})

t.test('evaluates arithmetic as JavaScript does', async (t) => {
  const operand = fc.integer({ min: 0, max: 1_000_000 })
  fc.assert(
    fc.property(fc.array(operand, { maxLength: 12 }), operand, operand, (rest, x, y) => {
      const expression = [`${x} * ${y}`, ...rest].join(' - ')
      t.equal(
        resultOf(expression),
        rest.reduce((sum, one) => sum - one, x * y),
      )
    }),
    { numRuns: 200 },
  )
})

t.test('prints what mathjs prints', async (t) => {
  const math = mathjs.create(mathjs.all, {})
  for (const expression of [
    '1e5',
    '99999',
    '123456.789',
    '0.001',
    '0.00099',
    '1/3',
    '-5',
    '1e-9',
  ]) {
    const { resultText } = evaluate({ expression })
    t.equal(resultText, math.format(math.evaluate(expression)), expression)
  }
  t.equal(evaluate({ expression: 'f(x) = x\nf(2)' }).resultText, '[f(x), 2]')
  const long = evaluate({ expression: 'bignumber(1) / 3 * ones(100)' }).resultText ?? ''
  t.equal(long.length, LIMITS.resultTextCharsMax)
  t.ok(long.endsWith('…'))
  t.notOk('resultText' in evaluate({ expression: '1:50000' }))
})

t.test('refuses scopes that are too large, too deep or name what they may not', async (t) => {
  const deep = JSON.parse(`${'[{"a":'.repeat(40)}1${'}]'.repeat(40)}`)
  const scopes: [Record<string, unknown>, RegExp][] = [
    [JSON.parse('{"__proto__": 1}'), /cannot have the name "__proto__"/],
    [{ constructor: 1 }, /cannot have the name "constructor"/],
    [{ import: 1 }, /cannot have the name "import"/],
    [{ config: 1 }, /cannot have the name "config"/],
    [{ end: 1 }, /cannot have the name "end"/],
    [{ 'a b': 1 }, /cannot have the name "a b"/],
    [{ '': 1 }, /cannot have the name ""/],
    [{ a: { b: JSON.parse('{"__proto__": 1}') } }, /scope.a.b: cannot have the field "__proto__"/],
    [{ a: deep }, /more than 32 deep/],
    [{ a: Array.from({ length: 200_000 }, () => 1) }, /more than 100000 values/],
    [{ a: [[1, 2], [3]] }, /scope.a: is not a matrix/],
    [{ a: { mathjs: 'Chain', value: 1 } }, /scope.a: has an unknown "mathjs" type/],
    [{ a: { mathjs: 'constructor' } }, /scope.a: has an unknown "mathjs" type/],
    [{ a: { mathjs: 'bigint', value: '1.5' } }, /scope.a: is no bigint/],
    [{ a: { mathjs: 'BigNumber', value: '0x10' } }, /scope.a: is no BigNumber/],
    [{ a: { mathjs: 'bigint', value: '9'.repeat(20_000) } }, /scope.a: is no bigint/],
    [{ a: { mathjs: 'Fraction', n: '1', d: '0' } }, /scope.a: is no Fraction/],
    [{ a: { mathjs: 'Complex', re: 'x', im: 1 } }, /scope.a: is no Complex/],
    [{ a: { mathjs: 'Unit', value: 1, unit: 'foo' } }, /scope.a: is no Unit/],
    [{ a: { mathjs: 'Unit', value: 'x', unit: 'cm' } }, /scope.a: is no Unit/],
    [
      { a: { mathjs: 'SparseMatrix', values: [1], index: [9], ptr: [0, 1], size: [1, 1] } },
      /scope.a: is no SparseMatrix/,
    ],
    [
      { a: { mathjs: 'SparseMatrix', values: [], index: [], ptr: [0], size: [1e9, 1e9] } },
      /scope.a: is no SparseMatrix/,
    ],
  ]
  for (const [scope, message] of scopes) {
    const failure = failureOf({ expression: '1', scope })
    t.equal(failure.type, 'rejected-input')
    t.match(failure.message, message)
  }
})

t.test('lets the scope shadow names as mathjs does, each time anew', async (t) => {
  t.equal(resultOf('a + b', 'number', { a: 1, b: 2 }), 3)
  t.equal(resultOf('a + b', 'number', { a: 5, b: 2 }), 7)
  t.equal(resultOf('pi', 'number', { pi: 3 }), 3)
  t.equal(resultOf('sum + 1', 'number', { sum: 3 }), 4)
  t.match(failureOf({ expression: 'a + y', scope: { a: 1 } }), {
    type: 'rejected-expression',
    message: '"y" is neither in the scope',
  })
  t.same(resultOf('x = 3; x'), { mathjs: 'ResultSet', entries: [3] })
  t.equal(failureOf({ expression: 'x' }).type, 'rejected-expression')
})

t.test('says where the syntax is wrong', async (t) => {
  t.same(failureOf({ expression: '2 +' }), {
    type: 'rejected-expression',
    message: 'Unexpected end of expression (char 4)',
  })
  t.match(failureOf({ expression: '2 3' }).message, /\(char 3\)/)
})

t.test("passes mathjs's own errors on as evaluation failures", async (t) => {
  t.same(failureOf({ expression: 'inv([1, 2; 2, 4])' }), {
    type: 'evaluation',
    message: 'Cannot calculate inverse, determinant is zero',
  })
  t.equal(failureOf({ expression: 'sqrt(2, 3)' }).type, 'evaluation')
})

t.test('lets long and legal expressions through', async (t) => {
  t.equal(resultOf(Array.from({ length: 390 }, (_, i) => `${i}^2`).join(' + ')), 19_697_015)
  t.equal(resultOf(`1${' - -1'.repeat(200)}`), 201)
  t.match(resultOf('a = (1 + 2)\n'.repeat(800)), { mathjs: 'ResultSet' })
  t.match(resultOf(`${'# :( \n'.repeat(100)}2`), { entries: [2] })
  t.equal(resultOf(`size(concat("${'('.repeat(100)}", '${'['.repeat(100)}'))[1]`), 200)
  t.match(resultOf('f(n) = n < 1 ? 0 : n + f(n - 1)\nf(100)'), { entries: [Object, 5050] })
  t.match(resultOf(`v = [1, 2, 3]\n${"v' + v'\n".repeat(100)}`), { mathjs: 'ResultSet' })
})

t.test('gives the same eigenvectors each time, and leaves Math.random alone', async (t) => {
  const { random } = Math
  const first = evaluate({ expression: 'eigs([1, 2; 3, 4])' })
  t.same(createEvaluator(loadMathjs())({ expression: 'eigs([1, 2; 3, 4])' }), first)
  t.equal(Math.random, random)
})

t.test('checks its input strictly', async (t) => {
  const fits = (input: unknown) => Value.Check(kind.input, input)
  t.ok(fits({ expression: '1', scope: { a: [1, { b: 2 }] }, number: 'Fraction' }))
  t.notOk(fits({ expression: '' }))
  t.notOk(fits({ expression: ' \n\t ' }))
  t.notOk(fits({ expression: 'x'.repeat(10_001) }))
  t.notOk(fits({ expression: 2 }))
  t.notOk(fits({ expression: '1', number: 'decimal' }))
  t.notOk(fits({ expression: '1', scope: [] }))
  t.notOk(fits({ expression: '1', precision: 3 }))
  t.notOk(fits({}))
})

t.test('forgets compiled expressions, not how they are evaluated', async (t) => {
  for (let i = 0; i < LIMITS.compiledMax + 50; i += 1) {
    // What comes a second time stays compiled for the third.
    for (const scope of [{ x: 1 }, { x: 2 }, { x: 3 }]) {
      t.equal(resultOf(`${i} + x`, 'number', scope), i + scope.x)
    }
  }
  t.equal(resultOf('0 + x', 'number', { x: 4 }), 4)
})

t.test('prints any number as mathjs does', async (t) => {
  const math = mathjs.create(mathjs.all, {})
  const bounds = [0, -0, 1e-3, 0.00099999999999999, 99999.999999999, 1e5, -1e5, 1e21, 5e-324]
  const text = (x: number) => evaluate({ expression: 'x', scope: { x } }).resultText
  for (const x of [...bounds, 1 / 0, -1 / 0, 0 / 0]) t.equal(text(x), math.format(x))
  fc.assert(fc.property(fc.double(), (x) => text(x) === math.format(x)))
  fc.assert(fc.property(fc.maxSafeInteger(), (x) => text(x) === math.format(x)))
})
