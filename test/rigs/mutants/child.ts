// A child of the mutation tester: runs test files with one mutation after the other, in this process
// (hooks.ts), and says of each run whether a test failed. Started with hooks.ts preloaded; answers one
// request at a time.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Block } from './coverage.ts'
import { isReached, startCoverage } from './coverage.ts'
import { ENVIRONMENT } from './environment.ts'
import { beginRun, importTest, pathOfCoverage } from './hooks.ts'
import type { Mutation } from './operators.ts'
import { createRoot, createVerdict, Failed } from './tap.ts'

/** A test file, and the numbers of the top-level tests that run; null: all. */
export type TestsOfFile = { file: string; only: number[] | null }
/** Offsets of mutations, by file. */
export type Offsets = Record<string, number[]>

export type Request =
  | { do: 'cover'; test: string; offsets: Offsets }
  /** Without a mutation it is a control: everything as it is for a mutation of this file. */
  | { do: 'run'; file: string; mutation: Mutation | null; tests: TestsOfFile[] }

/** What a test file reaches: of each file, which offsets are reached by which tests. */
export type Cover = {
  failure: string | null
  /** How long the import took. */
  importMs: number
  /** How long each top-level test took. */
  testMs: number[]
  /** By file: by offset, the numbers of the tests; null: already the import reaches it. */
  reached: Record<string, [offset: number, tests: number[] | null][]>
}

export type Outcome = {
  /** The first failure; null: all tests passed. */
  failure: string | null
  /** The test file that failed. */
  by: string | null
  /** The failure was thrown where no test waits: an earlier run may have caused it. */
  unhandled: boolean
  /** Something of this run is still there, so that later runs would not be its equals. */
  dirty: boolean
}

/** After a failure the test functions end within this, or the process is not fit for another run. */
const UNWIND_MS = 300
/** What a run leaves open may still be closing. */
const CLOSING_MS = 40
const BYTES_MAX = 700 * 1024 * 1024

const root = process.env[ENVIRONMENT.root] as string
const folder = join(root, '.tap/mutants')
const threadsPath = join(folder, `threads-${process.pid}`)
process.env[ENVIRONMENT.threads] = threadsPath
mkdirSync(folder, { recursive: true })
process.once('exit', () => rmSync(threadsPath, { force: true }))

let verdict = createVerdict()
let unhandled = false
for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, (error) => {
    if (error instanceof Failed) return
    if (verdict.failure() === undefined) unhandled = true
    verdict.fail(`unhandled: ${String(error)}`)
  })
}
/** Nothing is left to wait for, and the test has not ended. */
process.on('beforeExit', () => {
  process.channel?.ref()
  verdict.fail('it never ends')
})
process.once('disconnect', () => process.exit())

/** The test files whose imports are known. */
const learned = new Set<string>()

process.on('message', (request: Request) => {
  void answer(request).then((reply) => process.send?.(reply))
})

async function answer(request: Request): Promise<Cover | Outcome> {
  process.channel?.unref()
  try {
    return request.do === 'cover' ? await cover(request) : await run(request)
  } finally {
    process.channel?.ref()
  }
}

type Cycle = { test: string; only?: ReadonlySet<number> }

/** Runs one test file; resolves at its end, or soon after the first failure. */
async function cycle(
  { test, only }: Cycle,
  at: { imported?: () => Promise<void>; ended?: (number: number) => Promise<void> } = {},
): Promise<{ unwound: boolean }> {
  const limits = { verdict, folder, only, ...(at.ended ? { onEnd: at.ended } : {}) }
  const tests = createRoot(limits)
  const over = (async () => {
    try {
      await importTest(test, tests)
    } catch (error) {
      verdict.fail(`import: ${String(error)}`)
    }
    await at.imported?.()
    await tests.run()
    return true
  })()
  const late = verdict.failed.then(() => sleep(UNWIND_MS, false, { ref: false }))
  const unwound = await Promise.race([over, late])
  return { unwound }
}

/** Runs a test file as it is, and notes what each of its tests reaches. */
async function cover({ test, offsets }: Extract<Request, { do: 'cover' }>): Promise<Cover> {
  const byPlace = new Map<string, Map<number, number[] | null>>()
  const coverage = await startCoverage()
  verdict = createVerdict()
  beginRun()
  writeFileSync(threadsPath, '')
  const testMs: number[] = []
  let importMs = 0
  let at = performance.now()
  await cycle(
    { test },
    {
      async imported() {
        importMs = performance.now() - at
        await note(null)
      },
      async ended(number) {
        testMs[number] = performance.now() - at
        await note(number)
      },
    },
  )
  await coverage.close()
  const reached = Object.fromEntries([...byPlace].map(([file, places]) => [file, [...places]]))
  return { failure: verdict.failure() ?? null, importMs, testMs, reached }

  async function note(number: number | null): Promise<void> {
    const taken = await coverage.take()
    const byFile = new Map<string, Block[]>()
    for (const [url, blocks] of taken) byFile.set(pathOfCoverage(url) ?? '', blocks)
    const inThreads = readFileSync(threadsPath, 'utf8').split('\n')
    writeFileSync(threadsPath, '')
    for (const [file, wanted] of Object.entries(offsets)) {
      const blocks = byFile.get(file) ?? []
      // What runs in a thread is not counted: all of its files may be reached.
      const isInThread = inThreads.includes(file)
      for (const offset of wanted) {
        if (isInThread || isReached(blocks, offset)) add(file, offset, number)
      }
    }
    at = performance.now()
  }

  function add(file: string, offset: number, number: number | null): void {
    const places = byPlace.get(file) ?? new Map<number, number[] | null>()
    byPlace.set(file, places)
    const tests = places.get(offset)
    if (tests === null) return
    if (number === null) places.set(offset, null)
    else if (tests) tests.push(number)
    else places.set(offset, [number])
  }
}

/** Runs test files with a mutation, or without one, until one of them fails. */
async function run(request: Extract<Request, { do: 'run' }>): Promise<Outcome> {
  const { file, mutation, tests } = request
  for (const test of tests) await learn(test.file)
  const openBefore = process.getActiveResourcesInfo().length
  verdict = createVerdict()
  unhandled = false
  let by: string | null = null
  let isUnwound = true
  for (const { file: test, only } of tests) {
    beginRun(file, mutation ?? undefined)
    const { unwound } = await cycle({ test, ...(only ? { only: new Set(only) } : {}) })
    isUnwound &&= unwound
    // What no test waits for is thrown within a few turns.
    await turns()
    if (verdict.failure() === undefined) continue
    by = test
    break
  }
  const dirty = !isUnwound || unhandled || isFull() || !(await isQuiet(openBefore))
  return { failure: verdict.failure() ?? null, by, unhandled, dirty }
}

/** Imports a test file once, so that the hooks know who imports whom. */
async function learn(test: string): Promise<void> {
  if (learned.has(test)) return
  learned.add(test)
  verdict = createVerdict()
  beginRun()
  await cycle({ test, only: new Set() })
}

async function turns(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise<void>((resolve) => setImmediate(resolve))
}

const isFull = (): boolean => process.memoryUsage.rss() > BYTES_MAX

/** Whether a run has closed what it opened. */
async function isQuiet(openBefore: number): Promise<boolean> {
  const isSo = (): boolean => process.getActiveResourcesInfo().length <= openBefore
  if (!isSo()) await sleep(CLOSING_MS)
  return isSo()
}
