// Judges mutants: finds out which tests reach each, and runs those until one fails.
//
//   reached by no test -> survived
//   a test fails -> killed        no test fails -> survived        no end in time -> killed
//
// Runs in one child follow each other, so one could spoil the next. Against that: a child that a run left
// open handles, an unhandled error or too little memory in is replaced; a kill by an unhandled error counts
// only as the first run of a child; and after some kills the tests run once more without a mutation. When
// they fail, each of those kills is judged again in a child of its own.

import type { Cover, TestsOfFile } from './child.ts'
import type { Child } from './children.ts'
import { startChild } from './children.ts'
import type { Mutant } from './mutant.ts'

export type Verdict = 'killed' | 'overdue' | 'survived' | 'unreached'
export type Judged = { mutant: Mutant; verdict: Verdict; why: string }

type Given = {
  root: string
  mutants: Mutant[]
  /** The test files that own the rules of a source file. */
  testsOf: (file: string) => string[]
  children: number
  /** No mutant is begun after so many milliseconds: those that are left are not judged. */
  msMax: number
  /** Called with each verdict. */
  onVerdict?: (judged: Judged) => void
}

/** A test file with a clean source may take this long. */
const COVER_MS_MAX = 120_000
/** Beside three times the clean duration, for all that a start of a test takes. */
const LIMIT_MS = 2_000
/** Kills until the next control. */
const KILLS_MAX = 15

type Covers = Map<string, Cover>
type Job = { mutant: Mutant; tests: TestsOfFile[]; limitMs: number }

export async function judge(given: Given): Promise<Judged[]> {
  const until = performance.now() + given.msMax
  const covers = await coverAll(given)
  const judged: Judged[] = []
  const queue = given.mutants.map((mutant) => jobOf(mutant, given.testsOf(mutant.file), covers))
  await Promise.all(
    Array.from({ length: given.children }, async () => {
      await workThrough(
        given.root,
        () => (performance.now() < until ? queue.shift() : undefined),
        (each) => {
          judged.push(each)
          given.onVerdict?.(each)
        },
      )
    }),
  )
  return judged
}

/** Runs every test file once with the source as it is. Throws when one fails. */
async function coverAll({ root, mutants, testsOf, children }: Given): Promise<Covers> {
  const wanted = new Map<string, Set<Mutant>>()
  const tests = new Map([...new Set(mutants.map(({ file }) => file))].map((f) => [f, testsOf(f)]))
  for (const mutant of mutants) {
    for (const test of tests.get(mutant.file) ?? []) {
      const set = wanted.get(test) ?? new Set()
      wanted.set(test, set.add(mutant))
    }
  }
  const left = [...wanted]
  const covers: Covers = new Map()
  await Promise.all(
    Array.from({ length: Math.min(children, left.length) }, async () => {
      const child = startChild(root)
      try {
        for (let next = left.shift(); next; next = left.shift()) {
          const [test, reachable] = next
          covers.set(test, await coverOne(child, test, [...reachable]))
        }
      } finally {
        await child.kill()
      }
    }),
  )
  return covers
}

async function coverOne(child: Child, test: string, mutants: Mutant[]): Promise<Cover> {
  const offsets: Record<string, number[]> = {}
  for (const { file, mutation } of mutants) (offsets[file] ??= []).push(mutation.start)
  for (const [file, all] of Object.entries(offsets)) offsets[file] = [...new Set(all)]
  const cover = await child.cover(test, offsets, COVER_MS_MAX)
  if (cover === 'overdue') throw new Error(`${test} does not end`)
  if (cover.failure !== null) {
    throw new Error(`${test} fails with the source as it is: ${cover.failure}`)
  }
  return cover
}

/** The tests that reach a mutant: the file's own first, then the quickest. */
function jobOf(mutant: Mutant, files: string[], covers: Covers): Job {
  const own = `test/${mutant.file.replace(/\.ts$/, '.test.ts')}`
  const found = files.flatMap((file) => {
    const cover = covers.get(file)
    const place = cover?.reached[mutant.file]?.find(([offset]) => offset === mutant.mutation.start)
    return cover && place ? [{ file, only: place[1], ms: durationOf(cover, place[1]) }] : []
  })
  found.sort((a, b) => Number(b.file === own) - Number(a.file === own) || a.ms - b.ms)
  const cleanMs = found.reduce((sum, { ms }) => sum + ms, 0)
  const tests = found.map(({ file, only }) => ({ file, only }))
  return { mutant, tests, limitMs: LIMIT_MS + 3 * cleanMs }
}

/** Of the tests with these numbers; null: of all. */
function durationOf({ importMs, testMs }: Cover, only: number[] | null): number {
  const numbers = only ?? [...testMs.keys()]
  return numbers.reduce((sum, number) => sum + (testMs[number] ?? 0), importMs)
}

type Say = (judged: Judged) => void

async function workThrough(root: string, next: () => Job | undefined, say: Say): Promise<void> {
  let child: Child | undefined
  /** Kills since the last control, not told yet. */
  let kills: { job: Job; why: string; by: string }[] = []

  for (let job = next(); job; job = next()) {
    if (job.tests.length === 0) {
      say({ mutant: job.mutant, verdict: 'unreached', why: '' })
      continue
    }
    child ??= startChild(root)
    const isFirst = child.isNew
    child.isNew = false
    const { mutant, tests, limitMs } = job
    const outcome = await child.run(
      { file: mutant.file, mutation: mutant.mutation, tests },
      limitMs,
    )
    if (outcome === 'overdue') {
      say({ mutant, verdict: 'overdue', why: `no end within ${Math.round(limitMs)} ms` })
      await replace()
      continue
    }
    const { failure, by, unhandled, dirty } = outcome
    if (failure === null) say({ mutant, verdict: 'survived', why: '' })
    else if (isFirst) say({ mutant, verdict: 'killed', why: failure })
    else if (unhandled) say(await judgeAlone(job))
    else kills.push({ job, why: failure, by: by as string })
    if (dirty) await replace()
    else if (kills.length >= KILLS_MAX) await control()
  }
  await control()
  await child?.kill()

  async function replace(): Promise<void> {
    await control()
    await child?.kill()
    child = undefined
  }

  /** Whether the tests that killed still pass without a mutation. */
  async function control(): Promise<void> {
    const suspects = kills
    kills = []
    if (suspects.length === 0) return
    const isSound = child !== undefined && (await passes(child, suspects))
    for (const { job, why } of suspects) {
      say(isSound ? { mutant: job.mutant, verdict: 'killed', why } : await judgeAlone(job))
    }
    if (isSound) return
    await child?.kill()
    child = undefined
  }

  async function passes(child: Child, suspects: { job: Job; by: string }[]): Promise<boolean> {
    const last = suspects.at(-1)
    if (!last) return true
    const { mutant, tests: all, limitMs } = last.job
    const failed = new Set(suspects.map(({ by }) => by))
    const tests = all.filter(({ file }) => failed.has(file))
    const outcome = await child.run({ file: mutant.file, mutation: null, tests }, limitMs)
    return outcome !== 'overdue' && outcome.failure === null
  }

  async function judgeAlone({ mutant, tests, limitMs }: Job): Promise<Judged> {
    const alone = startChild(root)
    const outcome = await alone.run(
      { file: mutant.file, mutation: mutant.mutation, tests },
      limitMs,
    )
    await alone.kill()
    if (outcome === 'overdue') return { mutant, verdict: 'overdue', why: '' }
    return outcome.failure === null
      ? { mutant, verdict: 'survived', why: '' }
      : { mutant, verdict: 'killed', why: outcome.failure }
  }
}
