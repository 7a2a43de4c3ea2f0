// A small tap: the part of tap's interface that the unit tests use, for many runs of a test file in one
// process. Unlike tap it stops at the first failure: a failed assertion throws, so the test function
// unwinds, its teardowns run, and the process is fit for the next run. Comparisons are tap's own
// (tcompare).
//
//   collecting (the file is imported) -> run() -> each test in order -> teardowns

import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { match, same, strict } from 'tcompare'

type TestFunction = (t: SmallTest['t']) => unknown
type Options = { skip?: boolean | string; todo?: boolean | string }
type Wanted = string | object
type Tree = { [name: string]: string | Uint8Array | Tree }

export type Verdict = ReturnType<typeof createVerdict>
export type SmallTest = ReturnType<typeof createTest>
export type Root = ReturnType<typeof createRoot>

/** A failed assertion, which the verdict has already. */
export class Failed extends Error {}

/** The first failure of a run, whoever reports it. */
export function createVerdict() {
  let failure: string | undefined
  const { promise, resolve } = Promise.withResolvers<void>()
  return {
    /** What failed first. */
    failure: (): string | undefined => failure,
    /** Resolves at the first failure. */
    failed: promise,
    fail(message: string): void {
      failure ??= message
      resolve()
    },
  }
}

export type Limits = {
  verdict: Verdict
  /** Where folders of tests are made. */
  folder: string
  /** The numbers of the top-level tests that run; without it, all. */
  only?: ReadonlySet<number> | undefined
  /** Called after each top-level test. */
  onEnd?: (number: number) => void | Promise<void>
}

/** What a test file imports as `tap`. Its tests run when `run` is called. */
export function createRoot({ verdict, folder, only, onEnd }: Limits) {
  const tests: (() => Promise<void>)[] = []
  const base = createTest('', verdict, folder)

  return {
    ...base.t,
    test(name: string, ...given: [Options, TestFunction] | [TestFunction] | [Options]) {
      const { options, run } = argumentsOf(given)
      const number = tests.length
      const isRun = run && !options.skip && !options.todo && (only?.has(number) ?? true)
      tests.push(async () => (isRun ? runTest(name, run, verdict, folder) : undefined))
      return Promise.resolve()
    },
    /** Runs the tests. Resolves when they and their teardowns are over; failures are in the verdict. */
    async run(): Promise<void> {
      for (const [number, run] of tests.entries()) {
        if (verdict.failure() !== undefined) break
        await run()
        await onEnd?.(number)
      }
      await base.close()
    },
  }
}

function argumentsOf(given: (Options | TestFunction)[]): { options: Options; run?: TestFunction } {
  const run = given.find((each) => typeof each === 'function')
  const options = given.find((each) => typeof each !== 'function') ?? {}
  return run ? { options, run } : { options }
}

let folders = 0

/** Never rejects: what fails is in the verdict. */
async function runTest(name: string, run: TestFunction, verdict: Verdict, folder: string) {
  const { t, ended, settled, close } = createTest(name, verdict, folder)
  try {
    const returned = run(t)
    await (isPromise(returned) ? returned : Promise.race([ended, verdict.failed]))
    await settled()
  } catch (error) {
    verdict.fail(`${name}: ${String(error)}`)
  }
  await close()
}

const isPromise = (value: unknown): value is Promise<unknown> =>
  typeof (value as { then?: unknown } | undefined)?.then === 'function'

function createTest(name: string, verdict: Verdict, folder: string) {
  const teardowns: (() => unknown)[] = []
  const { promise: ended, resolve: end } = Promise.withResolvers<void>()
  let subtests: Promise<void> = Promise.resolve()
  let directory: string | undefined

  function check(isGood: boolean, what: string): true {
    if (isGood) return true
    verdict.fail(`${name}: ${what}`)
    throw new Failed(what)
  }
  const directoryName = (): string =>
    (directory ??= join(folder, `${process.pid}-${String(folders++)}`))

  /** tap's own rule: a pattern is compared with the error, a regular expression with its message. */
  function checkError(error: unknown, wanted?: Wanted): unknown {
    if (wanted === undefined || typeof wanted === 'string') return error
    const { message, name: type } = error as Error
    // Names and messages of errors are not enumerable.
    if (type) Object.defineProperty(error, 'name', { value: type, enumerable: true })
    const isMatch = match(wanted instanceof RegExp ? message : error, wanted).match
    check(isMatch, `another error: ${message}`)
    return error
  }

  const t = {
    name,
    ok: (value: unknown) => check(Boolean(value), 'is not truthy'),
    notOk: (value: unknown) => check(!value, 'is truthy'),
    pass: () => true,
    fail: (message = 'failed') => check(false, message),
    comment: () => {},
    setTimeout: () => {},
    equal: (found: unknown, wanted: unknown) => check(found === wanted, `is ${String(found)}`),
    not: (found: unknown, unwanted: unknown) => check(found !== unwanted, 'is equal'),
    same: (found: unknown, wanted: unknown) => checkDiff(same(found, wanted)),
    notSame: (found: unknown, unwanted: unknown) => check(!same(found, unwanted).match, 'is same'),
    strictSame: (found: unknown, wanted: unknown) => checkDiff(strict(found, wanted)),
    match: (found: unknown, wanted: unknown) => checkDiff(match(found, wanted)),
    notMatch: (found: unknown, unwanted: unknown) =>
      check(!match(found, unwanted).match, 'matches'),
    type: (value: unknown, wanted: unknown) => check(isOfType(value, wanted), 'is of another type'),
    throws(run: () => unknown, wanted?: Wanted): unknown {
      try {
        run()
      } catch (error) {
        return checkError(error, wanted)
      }
      return check(false, 'does not throw')
    },
    doesNotThrow(run: () => unknown): boolean {
      run()
      return true
    },
    async rejects(what: Promise<unknown> | (() => Promise<unknown>), wanted?: Wanted) {
      try {
        await (typeof what === 'function' ? what() : what)
      } catch (error) {
        return checkError(error, wanted)
      }
      return check(false, 'does not reject')
    },
    async resolves(what: Promise<unknown> | (() => Promise<unknown>)) {
      await (typeof what === 'function' ? what() : what)
      return true
    },
    teardown: (run: () => unknown) => void teardowns.push(run),
    after: (run: () => unknown) => void teardowns.push(run),
    end: () => end(),
    get testdirName() {
      return directoryName()
    },
    testdir(tree: Tree = {}): string {
      const path = directoryName()
      rmSync(path, { recursive: true, force: true })
      writeTree(path, tree)
      teardowns.unshift(() => rmSync(path, { recursive: true, force: true }))
      return path
    },
    /** Runs after the subtests that came before it. A failure unwinds those who wait for it. */
    test(title: string, ...given: [Options, TestFunction] | [TestFunction] | [Options]) {
      const { options, run } = argumentsOf(given)
      const before = subtests
      const mine = (async () => {
        await before
        if (!run || options.skip || options.todo) return
        await runTest(`${name} > ${title}`, run, verdict, folder)
        if (verdict.failure() !== undefined) throw new Failed('a subtest failed')
      })()
      mine.catch(() => {})
      subtests = mine
      return mine
    },
  }

  function checkDiff({ match: isGood, diff }: { match: boolean; diff: string }): true {
    return check(isGood, diff.slice(0, 500))
  }

  /** Waits for the subtests, also for those that a subtest's end begins. */
  async function settled(): Promise<void> {
    for (let last: unknown; last !== subtests; ) {
      last = subtests
      await subtests
    }
  }

  /** Runs the teardowns, the last first. */
  async function close(): Promise<void> {
    for (let run = teardowns.pop(); run; run = teardowns.pop()) {
      try {
        await run()
      } catch (error) {
        verdict.fail(`${name}: teardown: ${String(error)}`)
      }
    }
  }

  return { t, ended, settled, close }
}

function writeTree(path: string, tree: Tree): void {
  mkdirSync(path, { recursive: true })
  for (const [name, content] of Object.entries(tree)) {
    if (typeof content === 'string' || content instanceof Uint8Array) {
      writeFileSync(join(path, name), content)
    } else writeTree(join(path, name), content)
  }
}

/** tap's rule, for what the tests use of it. */
function isOfType(value: unknown, wanted: unknown): boolean {
  const type = value === null ? 'null' : typeof value
  if (typeof wanted === 'string') {
    return type === wanted || (value as object | undefined)?.constructor?.name === wanted
  }
  if (typeof wanted !== 'function') return false
  return value instanceof wanted || Object(value).constructor === wanted
}
