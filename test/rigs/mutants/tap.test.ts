import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { SmallTest } from './tap.ts'
import { createRoot, createVerdict } from './tap.ts'

type Run = (t: SmallTest['t']) => unknown

/** Runs tests as one file; gives the first failure. */
async function failureOf(folder: string, ...tests: Run[]): Promise<string | undefined> {
  const verdict = createVerdict()
  const root = createRoot({ verdict, folder })
  for (const [i, run] of tests.entries()) await root.test(`test ${i}`, run)
  await root.run()
  return verdict.failure()
}

t.test('passes what tap passes', async (t) => {
  const failure = await failureOf(t.testdir(), async (t) => {
    t.equal(1, 1)
    t.not(1, 2)
    t.ok('a')
    t.notOk(0)
    t.same({ a: 1 }, { a: '1' })
    t.strictSame({ a: [1] }, { a: [1] })
    t.notSame({ a: 1 }, { a: 2 })
    t.match({ a: 'abc', b: 1 }, { a: /b/ })
    t.match('abc', 'b')
    t.notMatch('abc', 'd')
    t.type([], 'Array')
    t.type(1, 'number')
    t.type(new TypeError('a'), Error)
    t.throws(() => JSON.parse('{'), SyntaxError)
    t.throws(
      () => {
        throw new Error('a b')
      },
      { name: 'Error', message: /b/ },
    )
    await t.rejects(Promise.reject(new Error('a b')), /a b/)
    await t.test('with subtests', async (t) => t.pass())
    t.test('that nobody waits for', (t) => t.end())
  })
  t.equal(failure, undefined)
})

t.test('fails what tap fails', async (t) => {
  const folder = t.testdir()
  const failing: Run[] = [
    (t) => t.equal({ a: 1 }, { a: 1 }),
    (t) => t.ok(''),
    (t) => t.notOk(1),
    (t) => t.same({ a: 1 }, { a: 2 }),
    (t) => t.strictSame({ a: 1 }, { a: '1' }),
    (t) => t.match({ a: 1 }, { a: 1, b: 2 }),
    (t) => t.notMatch('abc', 'b'),
    (t) => t.throws(() => {}),
    (t) => t.throws(() => JSON.parse('{'), TypeError),
    (t) => t.rejects(Promise.resolve(1)),
    (t) => t.rejects(Promise.reject(new Error('a')), /b/),
    (t) => t.fail('words'),
    (t) => t.type(1, 'string'),
    () => Promise.reject(new Error('thrown')),
    (t) => void t.test('a subtest that nobody waits for', async (t) => t.fail()),
    (t) => t.teardown(() => Promise.reject(new Error('teardown'))),
  ]
  for (const run of failing) {
    t.type(await failureOf(folder, async (t) => run(t)), 'string', String(run))
  }
})

t.test(
  'stops at the first failure, and runs the teardowns from the last to the first',
  async (t) => {
    const done: string[] = []
    const failure = await failureOf(
      t.testdir(),
      async (t) => {
        t.teardown(() => done.push('first'))
        t.teardown(async () => done.push('second'))
        await t.test('inner', async (t) => {
          t.teardown(() => done.push('inner'))
          t.equal(1, 2)
          done.push('not reached')
        })
        done.push('not reached')
      },
      async () => done.push('not reached'),
    )
    t.match(failure, /test 0 > inner: is 1/)
    t.same(done, ['inner', 'second', 'first'])
  },
)

t.test('makes a folder for a test, and removes it after the other teardowns', async (t) => {
  let path = ''
  const failure = await failureOf(t.testdir(), async (t) => {
    path = t.testdir({ a: { 'b.txt': 'text' } })
    t.teardown(() => t.ok(existsSync(path)))
    t.equal(readFileSync(join(path, 'a/b.txt'), 'utf8'), 'text')
  })
  t.equal(failure, undefined)
  t.notOk(existsSync(path))
})

t.test('runs only the tests that it is told to', async (t) => {
  const done: number[] = []
  const verdict = createVerdict()
  const root = createRoot({ verdict, folder: t.testdir(), only: new Set([1]) })
  for (const number of [0, 1, 2]) await root.test('', async () => done.push(number))
  await root.test('skipped', { skip: 'words' }, async () => done.push(3))
  await root.run()
  t.same(done, [1])
})
