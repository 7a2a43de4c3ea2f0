// range-sum against closed forms, against a plain way of working out the same, and cut in any way.

import fc from 'fast-check'
import t from 'tap'
import { createRandom } from '../../../../shared/data/random.ts'
import { stepsOf } from '../../../../shared/kinds/job-kind.ts'
import { loadJobKinds, loadKinds } from '../../../../shared/kinds/load-kinds.ts'
import { addUp, nearestDouble } from '../../../../shared/kinds/range-sum/add-up.ts'
import { cut } from '../../../../shared/kinds/range-sum/cut.ts'
import { fractionAt } from '../../../../shared/kinds/range-sum/exact.ts'
import type { Fraction } from '../../../../shared/kinds/range-sum/fraction.ts'
import { add, fraction, ZERO } from '../../../../shared/kinds/range-sum/fraction.ts'
import type { Tree } from '../../../../shared/kinds/range-sum/parse.ts'
import { parse } from '../../../../shared/kinds/range-sum/parse.ts'
import { nanosecondsAt } from '../../../../shared/kinds/range-sum/weight.ts'
import { runJob } from '../../run-job.ts'

const job = (await loadJobKinds()).get('range-sum')!
const kinds = await loadKinds(['range-sum'])
const random = createRandom(7)

const ask = (input: object, parts: number | null = null) =>
  runJob({ job, kinds, input, parts, slots: 3, random })

/** The sum of the first m of something, by a formula. */
const CLOSED: [expression: string, sum: (m: bigint) => Fraction][] = [
  ['n', (m) => whole((m * (m + 1n)) / 2n)],
  ['n^2', (m) => whole((m * (m + 1n) * (2n * m + 1n)) / 6n)],
  ['n^3', (m) => whole(((m * (m + 1n)) / 2n) ** 2n)],
  ['2n - 1', (m) => whole(m * m)],
  ['n(n+1)(n+2)', (m) => whole((m * (m + 1n) * (m + 2n) * (m + 3n)) / 4n)],
  ['2^n', (m) => whole(2n ** (m + 1n) - 2n)],
  ['(-1)^n * n', (m) => whole(m % 2n === 0n ? m / 2n : -(m + 1n) / 2n)],
  ['1/(n(n+1))', (m) => fraction(m, m + 1n)],
  ['1/2^n', (m) => fraction(2n ** m - 1n, 2n ** m)],
  ['n % 10', (m) => whole((m / 10n) * 45n + ((m % 10n) * ((m % 10n) + 1n)) / 2n)],
  [
    'floor(n/2)',
    (m) => whole(((m / 2n) * (m / 2n - 1n) * 2n) / 2n + (m % 2n === 1n ? (m / 2n) * 2n : m / 2n)),
  ],
]

const whole = (n: bigint): Fraction => ({ n, d: 1n })

for (const [expression, formula] of CLOSED) {
  t.test(`the sum of ${expression} is what the formula says`, async (t) => {
    for (const m of [1n, 2n, 9n, 100n, 1023n, 1024n, 1025n]) {
      t.same(addUp(parse(expression), { from: 1n, to: m }, 'exact'), formula(m), `up to ${m}`)
    }
  })
}

t.test('the squares up to 100000, in any number of parts, are 333338333350000', async (t) => {
  for (const parts of [null, 1, 2, 3, 7, 10, 64, 1000]) {
    const { result } = await ask({ expression: 'n^2', from: 1, to: 100_000 }, parts)
    t.same(result, { mathjs: 'bigint', value: '333338333350000' }, `${parts} parts`)
  }
})

t.test('sums stay exact where doubles end: cubes around 2^53 and beyond', async (t) => {
  const cubes = (m: bigint): bigint => ((m * (m + 1n)) / 2n) ** 2n
  for (const from of [200_000n, 94_906_265n, 2n ** 53n, 10n ** 20n]) {
    const to = from + 70_000n
    const { n } = addUp(parse('n^3'), { from, to }, 'exact')
    t.equal(n, cubes(to) - cubes(from - 1n), `from ${from}`)
  }
})

const leaf = fc.oneof(
  fc.constant<Tree>({ is: 'n' }),
  fc
    .integer({ min: 0, max: 999 })
    .map((n): Tree => ({ is: 'number', n: BigInt(n), d: 1n, double: n })),
)
const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc
      .tuple(fc.constantFrom('+', '-', '*', '%'), tie('tree'), tie('tree'))
      .map(([is, left, right]) => ({ is, left, right }) as Tree),
    fc.tuple(tie('tree'), fc.integer({ min: 1, max: 4 })).map(
      ([left, k]): Tree => ({
        is: '^',
        left,
        right: { is: 'number', n: BigInt(k), d: 1n, double: k },
      }),
    ),
    tie('tree').map((of): Tree => ({ is: 'negate', of })),
  ),
}))

t.test(
  'any expression, over any range, however cut, sums up as one n after the other',
  async (t) => {
    const property = fc.property(
      tree,
      fc.bigInt({ min: -(2n ** 54n), max: 2n ** 54n }),
      fc.integer({ min: 0, max: 300 }),
      fc.integer({ min: 1, max: 9 }),
      (tree, from, length, parts) => {
        const range = { from, to: from + BigInt(length) }
        let expected = ZERO
        try {
          const at = fractionAt(tree)
          for (let n = range.from; n <= range.to; n++) expected = add(expected, at(n))
        } catch {
          return
        }
        const pieces = cut(tree, range, 'exact', { parts, slots: 2, runLimitMs: 600_000 })
        const sums = pieces.map((piece) => addUp(tree, piece, 'exact'))
        if (sums.reduce(add).n !== expected.n) throw new Error('the sums differ')
      },
    )
    fc.assert(property, { seed: 11, numRuns: 1_000 })
    t.pass('1,000 expressions')
  },
)

t.test('every cut covers its range once, in order', async (t) => {
  const property = fc.property(
    fc.constantFrom('n', 'n^2', '1/n', 'n^4'),
    fc.constantFrom<'exact' | 'number'>('exact', 'number'),
    fc.bigInt({ min: -(10n ** 9n), max: 10n ** 9n }),
    fc.bigInt({ min: 0n, max: 10n ** 10n }),
    fc.option(fc.integer({ min: 1, max: 500 })),
    (expression, numbers, from, length, parts) => {
      const range = { from, to: from + length }
      const pieces = cut(parse(expression), range, numbers, {
        parts,
        slots: 4,
        runLimitMs: 1e12,
      })
      let next = from
      for (const piece of pieces) {
        if (piece.from !== next || piece.to < piece.from) throw new Error('a gap, or an overlap')
        next = piece.to + 1n
      }
      if (next !== range.to + 1n) throw new Error('it does not reach the end')
      if (parts !== null && pieces.length > parts) throw new Error('too many parts')
    },
  )
  fc.assert(property, { seed: 12, numRuns: 2_000 })
  t.pass('2,000 cuts')
})

t.test('the part of a range where numbers are long is cut finer', async (t) => {
  const pieces = cut(parse('n^2'), { from: 0n, to: 200_000_000n }, 'exact', {
    parts: 4,
    slots: 4,
    runLimitMs: 600_000,
  })
  const lengths = pieces.map(({ from, to }) => Number(to - from))
  t.ok(lengths[0]! > 2 * lengths[3]!, `lengths ${lengths.join(', ')}`)
})

t.test('doubles give the same sum in any number of parts, rounded once', async (t) => {
  for (const expression of ['0.1', 'sqrt(n)', 'sin(n) * exp(n / 5000)', '1/n', 'pi * n^2']) {
    const input = { expression, from: -3, to: 20_000, numbers: 'number' }
    const safe = expression === 'sqrt(n)' || expression === '1/n' ? { ...input, from: 1 } : input
    const one = await ask(safe, 1)
    for (const parts of [2, 3, 7, 20]) {
      t.equal((await ask(safe, parts)).result, one.result, `${expression} in ${parts}`)
    }
  }
})

t.test('a scaled whole number becomes the nearest double', async (t) => {
  const property = fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (double) => {
    const tree: Tree = { is: 'number', n: 0n, d: 1n, double }
    const { n } = addUp(tree, { from: 1n, to: 1n }, 'number')
    if (nearestDouble(n) !== double) throw new Error(`${double} became ${nearestDouble(n)}`)
  })
  fc.assert(property, { seed: 13, numRuns: 5_000 })
  t.pass('5,000 doubles')
})

for (const [expression, field, words] of [
  ['n +', 'input.expression', /ends where a number/],
  ['n + * 2', 'input.expression', /unexpected "\*" at character 5/],
  ['m^2', 'input.expression', /unknown name "m"/],
  ['(n', 'input.expression', /lacks a "\)"/],
  ['sqrt(n)', 'input.expression', /sqrt, which is not exact/],
  ['2 pi', 'input.expression', /pi, which is not exact/],
  ['n 2', 'input.expression', /unexpected "2"/],
  ['2πn', 'input.expression', /write pi for π/],
  ['2 × n ÷ 3 − √n²', 'input.expression', /\* for.*\/ for.*- for.*\^2 for.*sqrt\(x\) for/],
  ['1,5 n', 'input.expression', /a point for the decimal comma/],
] as const) {
  t.test(`"${expression}" is refused with the field and the rule`, async (t) => {
    const mistakes = job.mistakes!({ expression, from: 1, to: 2 } as never)
    t.match(mistakes, [{ field, rule: words }])
  })
}

t.test('a slip in an expression is refused for doubles, too', async (t) => {
  const mistakes = job.mistakes!({ expression: 'n +', from: 1, to: 2, numbers: 'number' } as never)
  t.match(mistakes, [{ field: 'input.expression', rule: /ends where a number/ }])
})

t.test('a range the wrong way round and one that is too long are refused', async (t) => {
  t.match(job.mistakes!({ expression: 'n', from: 2, to: 1 } as never), [
    { field: 'input.to', rule: /at least from, which is 2/ },
  ])
  t.match(job.mistakes!({ expression: 'n', from: 1, to: '99999999999999' } as never), [
    { field: 'input.to', rule: /10\^13/ },
  ])
})

t.test('a sum that is larger than the largest double fails', async (t) => {
  for (const [expression, to] of [
    ['1.7e305', 2048],
    ['1.7e308', 2],
  ] as const) {
    const asked = ask({ expression, from: 1, to, numbers: 'number' })
    await t.rejects(asked, /the sum is larger than the largest double/)
  }
})

t.test('a division by zero fails and says for which n', async (t) => {
  await t.rejects(ask({ expression: '1/n', from: -2, to: 2 }), /divides by zero at n = 0/)
  await t.rejects(ask({ expression: 'n % (n - 3)', from: 1, to: 5 }), /divides by zero at n = 3/)
  await t.rejects(
    ask({ expression: '1/n', from: -2, to: 2, numbers: 'number' }),
    /Infinity at n = 0/,
  )
})

t.test('expressions mean what they mean to mathjs', async (t) => {
  const { evaluate } = await import('mathjs')
  for (const expression of [
    '-n^2',
    '2^3^2',
    '2n + 3(n - 1)',
    'n - 2 - 3',
    '8 / 4 / 2',
    '-7 % 3',
    'n * -2',
    '2^-1 * n',
    '1.5e2 n',
    '(n + 1)(n - 1)',
    'n / 2n',
    '(n + 1) / 2n',
    '1 / 2n',
    '-1 / 2(n + 1)',
    '(-1) / 2n',
    '(1) / 2n',
    '+-1 / 2n',
    '2^2 / 2n',
    '1 / 2^2 n',
    '8 / 4 / 2n',
    'n / 2 / 4n',
    '7 % 2n',
    '2n / 3n',
    '2n^2 / 4n',
  ]) {
    const { result } = await ask({ expression, from: 5, to: 5, numbers: 'number' })
    t.equal(result, evaluate(expression, { n: 5 }), expression)
  }
})

/** What the job makes of these sums of its parts, and how many steps that takes. */
function combine(sums: { n: string; d: string }[], numbers: 'exact' | 'number' = 'exact') {
  const input = { expression: 'n', from: 1, to: 2, numbers }
  const done = [sums.map((result) => ({ result, files: [], slave: '' }))]
  const soFar = { input, parts: 2, slots: 2, slaves: 2, together: true, runLimitMs: 1_000, done }
  const steps = stepsOf(job.combine(soFar as never))
  let count = 1
  let step = steps.next()
  for (; !step.done; step = steps.next()) count++
  return { ...step.value, steps: count }
}

t.test('fractions too long for a master to add are refused, with what would do', async (t) => {
  const part = (digits: number, odd: string) => ({ n: '1', d: `1${odd.repeat(digits)}` })
  t.throws(() => combine([part(20_000, '1'), part(20_000, '3')]), {
    type: 'result-too-large',
    message: /40002 digits in total, more than 30000: use "numbers": "number"/,
  })
  t.match(combine([part(100, '1'), part(100, '3')]), { result: { mathjs: 'Fraction' } })
})

t.test('numbers too long for a master to parse are refused by their length alone', async (t) => {
  // Whoever parsed it would say that it is no number.
  const long = { n: `${'9'.repeat(100_000)}x`, d: '1' }
  t.throws(() => combine([{ n: '1', d: '1' }, long]), {
    type: 'result-too-large',
    message: /the sum of part 2 of 2 has 100001 digits, more than 100000/,
  })
  t.throws(() => combine([{ n: '1', d: long.n }]), { message: /the sum has 100001/ })
  t.throws(() => combine([long], 'number'), { message: /the sum has 100001/ })
})

t.test('adding up goes in many short steps', async (t) => {
  const whole = { n: '7'.repeat(90_000), d: '1' }
  const { steps, result } = combine(Array.from({ length: 10 }, () => whole))
  t.ok(steps > 10, `${steps} steps`)
  t.equal((result as { value: string }).value.length, 90_001)
  const fractions = combine([
    { n: '1', d: `${3n ** 10_000n}` },
    { n: '1', d: `${7n ** 6_000n}` },
  ])
  t.ok(fractions.steps > 100, `${fractions.steps} steps`)
  t.ok((fractions.resultText as string).length <= 4_096, 'and its text is cut')
})

t.test('in steps comes out what comes out at once', async (t) => {
  const numerator = fc.bigInt({ min: -(10n ** 60n), max: 10n ** 60n })
  const denominator = fc.bigInt({ min: 1n, max: 10n ** 40n })
  const list = fc.array(fc.tuple(numerator, denominator), { minLength: 1, maxLength: 9 })
  const property = fc.property(list, (pairs) => {
    const sums = pairs.map(([n, d]) => fraction(n, d))
    const expected = sums.reduce(add, ZERO)
    const { resultText } = combine(sums.map(({ n, d }) => ({ n: String(n), d: String(d) })))
    const { n, d } = expected
    if (resultText !== (d === 1n ? `${n}` : `${n}/${d}`)) throw new Error(`${resultText}`)
  })
  fc.assert(property, { seed: 5, numRuns: 500 })
  t.pass('500 sums')
})

const LONG = { from: 1n, to: 10n ** 13n }

t.test('a long range is cut into parts that fit their run limit', async (t) => {
  const asked = { parts: null, slots: 4, runLimitMs: 600_000 }
  for (const expression of ['n', '3n + 1', 'n % 97']) {
    const tree = parse(expression)
    const pieces = cut(tree, LONG, 'exact', asked)
    for (const { from, to } of pieces) {
      const seconds = (Number(to - from) * nanosecondsAt(tree, Number(to), 'exact')) / 1e9
      t.ok(seconds < 300, `${expression}: ${seconds} s of 600 s`)
    }
  }
})

t.test('a range that cannot be cut so finely is refused, with the numbers', async (t) => {
  t.throws(() => cut(parse('n^3'), LONG, 'exact', { parts: null, slots: 4, runLimitMs: 60_000 }), {
    type: 'rejected-input',
    message:
      /takes one slot about [\d,]+ s, and a part may run for 60 s .*10000 parts are too few: give a runLimitMs of at least \d+, or/,
  })
  t.throws(() => cut(parse('n'), LONG, 'exact', { parts: 32, slots: 4, runLimitMs: 600_000 }), {
    type: 'rejected-input',
    message: /32 parts are too few: ask for at least \d{3} parts/,
  })
})

t.test('one n may weigh much by itself', async (t) => {
  const asked = { parts: null, slots: 2, runLimitMs: 600 }
  const pieces = cut(parse('n + 7^300000'), { from: 1n, to: 60n }, 'exact', asked)
  t.ok(pieces.length > 2, `${pieces.length} parts`)
  t.ok(nanosecondsAt(parse('2^n'), 10_000, 'exact') > nanosecondsAt(parse('2^n'), 100, 'exact'))
})

t.test('cutting into ten thousand parts is quick', async (t) => {
  const began = process.cpuUsage()
  const asked = { parts: 10_000, slots: 4, runLimitMs: 600_000 }
  t.equal(cut(parse('n^2'), { from: 1n, to: 10n ** 10n }, 'exact', asked).length, 10_000)
  const { user } = process.cpuUsage(began)
  t.ok(user < 200_000, `${user / 1000} ms of a core`)
})
