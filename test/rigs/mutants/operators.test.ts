import t from 'tap'
import { stripped } from '../source/syntax.ts'
import { isReached } from './coverage.ts'
import { mutantsOf, mutantsOfText } from './mutant.ts'
import { apply, mutationsOf } from './operators.ts'

/** The mutations of a piece of code, each as `code → replacement`. */
const changesOf = (code: string): string[] =>
  mutationsOf(code).map(
    ({ start, end, replacement }) => `${code.slice(start, end)} → ${replacement}`,
  )

t.test('changes a comparison to its boundary, its opposite, true and false', async (t) => {
  t.same(changesOf('export const f = (a: number): boolean => { return a < 7 }').slice(1), [
    'a < 7 → a <= 7',
    'a < 7 → a >= 7',
    'a < 7 → true',
    'a < 7 → false',
  ])
  t.same(changesOf('x(a === b)'), ['a === b → a !== b', 'a === b → true', 'a === b → false'])
})

t.test('changes conditions, logic and arithmetic', async (t) => {
  t.same(changesOf('if (a) b()'), ['a → true', 'a → false'])
  t.same(changesOf('while (a()) b()'), ['a() → false'], 'no loop without an end')
  t.same(changesOf('x(a ? 1 : 2)'), ['a → true', 'a → false'])
  t.same(changesOf('x(a ?? b)'), ['a ?? b → a && b'])
  t.same(changesOf('x(a * b - c)'), ['a * b - c → a * b + c', 'a * b → a / b'])
  t.same(changesOf('a += 1'), ['a += 1 → a -= 1'])
  t.same(changesOf('a++; --b'), ['a++ → a--', '--b → ++b'])
  t.same(changesOf('x(!a, -b)'), ['!a → a', '-b → +b'])
})

t.test('empties blocks, cases, literals and the bodies of arrows', async (t) => {
  t.same(changesOf('function f() { g() }'), ['{ g() } → {}'])
  t.same(changesOf('function f() {}'), [])
  t.same(changesOf('switch (a) { case 1: b(); break; default: }'), ['b(); break; → '])
  t.same(changesOf("x([1], { a: 1 }, 'b', '', true, `c`)"), [
    '[1] → []',
    '{ a: 1 } → {}',
    "'b' → ''",
    " '' → 'mutant'".trim(),
    'true → false',
    '`c` → ``',
  ])
  t.same(changesOf('const f = () => g()'), [' g() →  undefined'])
})

t.test('changes optional chains and calls of methods', async (t) => {
  t.same(changesOf('x(a?.b, a?.[b], a?.(b))'), ['a?.b → a.b', 'a?.[b] → a[b]', 'a?.(b) → a(b)'])
  t.same(changesOf('x(a.some(b), a.filter(b), Math.min(a, b))'), [
    'some → every',
    '.filter(b) → ',
    'min → max',
  ])
})

t.test('leaves types, messages, modules, the log and assertions alone', async (t) => {
  t.same(changesOf("import a from 'a'\nexport * from 'b'"), [])
  t.same(changesOf("type A = 'a' | 'b'\nlet a: A & { b: true }"), [])
  t.same(changesOf("x('two words', `two words`)"), [])
  t.same(changesOf("throw new RangeError('no-number')"), [])
  t.same(changesOf("log.info({ a: 1 }, 'b'); given.log.warn(a && b); assert(a === b)"), [])
  t.same(changesOf("x({ 'a': b })"), ["{ 'a': b } → {}"])
})

t.test('gives each mutation a place in the text with its types', async (t) => {
  const text = 'export const last = (list: number[]): number => list.length - 1\n'
  const [mutation] = mutationsOf(text).slice(-1)
  t.ok(mutation)
  if (mutation) {
    t.equal(text.slice(mutation.start, mutation.end), 'list.length - 1')
    t.match(apply(stripped(text), mutation), '=> list.length + 1\n')
  }
})

t.test('names the function around a mutation, and its line', async (t) => {
  const text = 'export function open() {\n  return { close: () => count - 1 }\n}\n'
  const found = mutantsOfText('master/store/file.ts', text)
  t.match(
    found.find(({ mutation }) => mutation.replacement === 'count + 1'),
    { line: 2, within: 'file.open.close', code: 'count - 1' },
  )
})

t.test('takes out equivalent mutants, and says which entries fit none', async (t) => {
  const root = t.testdir({ shared: { 'a.ts': 'export const f = (n: number) => n < 1 || n > 2\n' } })
  const entry = { in: 'a.f', code: 'n < 1', becomes: 'n <= 1', because: 'n is never 1' }
  const other = { in: 'a.f', code: 'n < 3', because: 'no such code' }
  const elsewhere = { in: 'b.f', code: 'n < 3', because: 'the file is not tested this time' }
  const all = mutantsOf(root, ['shared/a.ts'], [])
  const { mutants, stale } = mutantsOf(root, ['shared/a.ts'], [entry, other, elsewhere])
  t.equal(mutants.length, all.mutants.length - 1)
  t.same(stale, [other])
})

t.test('takes the innermost block as what ran', async (t) => {
  const blocks = [
    { startOffset: 0, endOffset: 100, count: 1 },
    { startOffset: 10, endOffset: 50, count: 0 },
    { startOffset: 20, endOffset: 30, count: 2 },
  ]
  t.same(
    [5, 10, 25, 30, 50, 100].map((offset) => isReached(blocks, offset)),
    [true, false, true, false, true, false],
  )
})
