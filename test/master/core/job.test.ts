// The job core: whatever the order in which parts end, whoever is lost with what it kept, and
// wherever the master starts anew, the result is the same and only what was lost runs again.

import fc from 'fast-check'
import t from 'tap'
import { Type } from 'typebox'
import type { Job, JobEffect, PartEnd, PartState } from '../../../master/core/job.ts'
import { createJob } from '../../../master/core/job.ts'
import { wallTime } from '../../../shared/data/clock.ts'
import type { Random } from '../../../shared/data/random.ts'
import { createRandom } from '../../../shared/data/random.ts'
import type { JobKind } from '../../../shared/kinds/job-kind.ts'
import { TaskFailure } from '../../../shared/kinds/kind.ts'
import type { Outcome } from '../../../shared/protocol/wire.ts'

const SOURCES = 5
const MIDDLES = 3

/** Five parts make a file each for three parts, which make one each for the last; all are kept. */
const kind: JobKind = {
  name: 'fan',
  summary: 'for tests',
  input: Type.Unknown(),
  output: Type.Unknown(),
  needs: () => ['source'],
  stages: [
    {
      name: 'sources',
      parts: () =>
        Array.from({ length: SOURCES }, (_, i) => ({ kind: 'source', input: i, keep: 'slave' })),
    },
    {
      name: 'middles',
      parts: () =>
        Array.from({ length: MIDDLES }, (_, r) => ({
          kind: 'middle',
          input: r,
          keep: 'slave',
          files: Array.from({ length: SOURCES }, (_, part) => ({
            name: `m${part}`,
            stage: 0,
            part,
            file: `r${r}`,
          })),
        })),
    },
    {
      name: 'last',
      parts: ({ done }) => [
        {
          kind: 'last',
          input: done[1]?.map(({ result }) => result),
          files: Array.from({ length: MIDDLES }, (_, part) => ({
            name: `s${part}`,
            stage: 1,
            part,
            file: 'out',
          })),
        },
      ],
    },
  ],
  combine: ({ done }) => ({ result: done[2]?.[0]?.result }),
  examples: [],
}

const given = {
  kind,
  input: null,
  parts: null,
  slots: 2,
  slaves: 2,
  together: 1 as const,
  ticket: 'ticket',
  runLimitMs: 1_000,
  keptBytesMax: 1_000_000,
  mistakeIn: () => null,
}
const EXPECTED = [0, 1, 2].map((r) => `middle ${r}`)

type Submit = JobEffect & { do: 'submit' }
const keyOf = ({ part, round }: Submit): string => `${part.stage}/${part.index}/${round}`

/** Slaves that die: files live as long as the slave that made them. */
function createFleet(random: Random, deaths: number) {
  let lives = [0, 0, 0]
  let left = deaths
  const made = new Map<string, { slave: number; life: number }>()
  const urlOf = (slave: number, path: string): string => `http://slave-${slave}/${path}`
  return {
    runs: 0,
    maybeDie(): void {
      if (left === 0 || random.next() > 0.3) return
      left--
      const dead = random.integer(3)
      lives = lives.map((life, i) => (i === dead ? life + 1 : life))
    },
    run(submit: Submit): Outcome {
      this.runs++
      const { part, files } = submit
      const isHere = ({ url }: { url: string }): boolean => {
        const maker = made.get(url)
        return maker !== undefined && lives[maker.slave] === maker.life
      }
      const missing = files.filter((file) => !isHere(file)).map(({ name }) => name)
      if (missing.length > 0) {
        return { status: 'failed', type: 'missing-file', message: 'gone', missing }
      }
      const slave = random.integer(3)
      const names = part.stage === 0 ? ['r0', 'r1', 'r2'] : part.stage === 1 ? ['out'] : []
      const outputs = names.map((name) => {
        const url = urlOf(slave, `${keyOf(submit)}/${name}/${this.runs}`)
        made.set(url, { slave, life: lives[slave] as number })
        return { name, bytes: 1, url }
      })
      const result = part.stage === 2 ? part.spec.input : `${part.spec.kind} ${part.index}`
      return { status: 'done', result, files: outputs }
    },
  }
}

const endOf = (outcome: Outcome): PartEnd => ended(JSON.stringify(outcome))
const ended = (outcome: string): PartEnd => ({
  outcome,
  bytes: outcome.length,
  slave: 'slave-1',
  tries: 1,
  startedAt: wallTime(0),
  ranMs: 1,
})

type Ended = JobEffect & { do: 'end' }

/** Plays a job to its end. Starts the core anew now and then: what was stored is all it has then. */
function play(seed: number, deaths: number, restarts: number): { end: Ended; runs: number } {
  const random = createRandom(seed)
  const fleet = createFleet(random, deaths)
  const stored = new Map<string, Outcome>()
  let job = createJob(given)
  let open: Submit[] = []
  let end: Ended | undefined
  let left = restarts

  const take = (effects: JobEffect[]): void => {
    for (const effect of effects) {
      if (effect.do === 'end') end = effect
      else if (effect.do === 'proceed') take(job.proceed(wallTime(0)))
      else open.push(effect)
    }
  }
  const begin = (): void => {
    open = []
    job = createJob(given)
    take(job.start(wallTime(0)))
  }
  begin()
  for (let steps = 0; !end; steps++) {
    if (steps > 5_000) throw new Error('it does not end')
    fleet.maybeDie()
    if (left > 0 && random.next() < 0.1) {
      left--
      begin()
    }
    const submit = random.shuffle(open)[0] as Submit
    open = open.filter((each) => each !== submit)
    const outcome = stored.get(keyOf(submit)) ?? fleet.run(submit)
    stored.set(keyOf(submit), outcome)
    take(job.partEnded(submit.part, submit.round, endOf(outcome), wallTime(steps)))
  }
  return { end, runs: fleet.runs }
}

t.test('without losses every part runs once, whatever the order', async (t) => {
  for (let seed = 0; seed < 200; seed++) {
    const { end, runs } = play(seed, 0, 0)
    t.same(end, { do: 'end', status: 'done', result: { result: EXPECTED } })
    t.equal(runs, SOURCES + MIDDLES + 1)
  }
})

t.test('starts of the master in between run nothing twice', async (t) => {
  for (let seed = 0; seed < 200; seed++) {
    const { end, runs } = play(seed, 0, 5)
    t.equal(end.status, 'done')
    t.equal(runs, SOURCES + MIDDLES + 1)
  }
})

t.test(
  'slaves that die with what they kept, and starts in between, change no result',
  async (t) => {
    const property = fc.property(fc.nat(), fc.nat(6), fc.nat(4), (seed, deaths, restarts) => {
      const { end } = play(seed, deaths, restarts)
      if (end.status !== 'done') throw new Error(JSON.stringify(end))
      if (JSON.stringify(end.result.result) !== JSON.stringify(EXPECTED)) throw new Error('differs')
    })
    fc.assert(property, { seed: 21, numRuns: 3_000 })
    t.pass('3,000 jobs')
  },
)

/** What comes of these effects, with every slice of work that they ask for. */
const through = (job: Job, effects: JobEffect[]): JobEffect[] =>
  effects.flatMap((effect) =>
    effect.do === 'proceed' ? through(job, job.proceed(wallTime(1))) : [effect],
  )
const started = (job: Job): Submit[] => through(job, job.start(wallTime(0))) as Submit[]

/** Ends the open submissions of a stage well; gives those that come of it. */
function endAll(job: Job, submits: Submit[], now = 1): JobEffect[] {
  return submits.flatMap((submit) => {
    const names = submit.part.stage === 0 ? ['r0', 'r1', 'r2'] : ['out']
    const files = names.map((name) => ({
      name,
      bytes: 1,
      url: `http://a/${keyOf(submit)}/${name}`,
    }))
    const outcome: Outcome = { status: 'done', result: submit.part.index, files }
    return through(job, job.partEnded(submit.part, submit.round, endOf(outcome), wallTime(now)))
  })
}

t.test('only what was lost runs again', async (t) => {
  const job = createJob(given)
  const middles = endAll(job, started(job)) as Submit[]
  t.equal(middles.length, MIDDLES)
  const first = middles[0] as Submit
  const lost: Outcome = {
    status: 'failed',
    type: 'missing-file',
    message: '',
    missing: ['m1', 'm3'],
  }
  const again = job.partEnded(first.part, 0, endOf(lost), wallTime(2)) as Submit[]
  t.same(again.map(keyOf), ['0/3/1', '0/1/1'], 'the two parts that made them')
  t.same(endAll(job, [again[0] as Submit]), [], 'it waits for both')
  const then = endAll(job, [again[1] as Submit]) as Submit[]
  t.same(then.map(keyOf), ['1/0/1'], 'and then that which needs them')
  t.match(then[0]?.files[1]?.url, /0\/1\/1/, 'with the new addresses')
})

t.test('whoever does not say which file was missing may mean any that a part made', async (t) => {
  const job = createJob(given)
  const middles = endAll(job, started(job)) as Submit[]
  const lost: Outcome = { status: 'failed', type: 'missing-file', message: '' }
  const again = job.partEnded((middles[0] as Submit).part, 0, endOf(lost), wallTime(2)) as Submit[]
  t.same(again.map(keyOf).toSorted(), ['0/0/1', '0/1/1', '0/2/1', '0/3/1', '0/4/1'])
})

t.test('two that miss the same file let it be made once', async (t) => {
  const job = createJob(given)
  const middles = endAll(job, started(job)) as Submit[]
  const lost: Outcome = { status: 'failed', type: 'missing-file', message: '', missing: ['m0'] }
  const [a, b] = middles as [Submit, Submit]
  const first = job.partEnded(a.part, 0, endOf(lost), wallTime(2)) as Submit[]
  const second = job.partEnded(b.part, 0, endOf(lost), wallTime(2)) as Submit[]
  t.same([...first, ...second].map(keyOf), ['0/0/1'])
})

t.test('a file that was made again already is not made once more for a late report', async (t) => {
  const job = createJob(given)
  const middles = endAll(job, started(job)) as Submit[]
  const lost: Outcome = { status: 'failed', type: 'missing-file', message: '', missing: ['m0'] }
  const [a, b] = middles as [Submit, Submit]
  const [source] = job.partEnded(a.part, 0, endOf(lost), wallTime(2)) as [Submit]
  t.same((endAll(job, [source]) as Submit[]).map(keyOf), ['1/0/1'])
  const late = job.partEnded(b.part, 0, endOf(lost), wallTime(3)) as Submit[]
  t.same(late.map(keyOf), ['1/1/1'], 'it had the old file, and runs again with the new one')
  t.match(late[0]?.files[0]?.url, /0\/0\/1/)
})

t.test('a failure of a part ends the job, and says which part and why', async (t) => {
  const job = createJob(given)
  const [, second] = started(job)
  const failed: Outcome = { status: 'failed', type: 'evaluation', message: 'no good' }
  t.same(job.partEnded((second as Submit).part, 0, endOf(failed), wallTime(1)), [
    {
      do: 'end',
      status: 'failed',
      failure: { type: 'evaluation', message: 'part 2 of 5 of stage "sources": no good' },
    },
  ])
})

t.test(
  'what is not of the newest round, and what comes after the end, changes nothing',
  async (t) => {
    const job = createJob(given)
    const [first] = started(job)
    const { part } = first as Submit
    const done: Outcome = { status: 'done', result: 1, files: [] }
    t.same(job.partEnded(part, 7, endOf(done), wallTime(1)), [])
    t.equal(part.status, 'running')
    job.stop()
    t.same(job.partEnded(part, 0, endOf(done), wallTime(1)), [])
  },
)

t.test('a file that is lost again and again ends the job', async (t) => {
  const job = createJob(given)
  let open = endAll(job, started(job))
  const lost: Outcome = { status: 'failed', type: 'missing-file', message: 'gone', missing: ['m0'] }
  for (let round = 0; round < 100; round++) {
    const middle = open.find(
      (effect) => effect.do === 'submit' && effect.part.stage === 1,
    ) as Submit
    const [source] = job.partEnded(middle.part, middle.round, endOf(lost), wallTime(2))
    if (source?.do === 'end') return t.match(source, { status: 'failed' })
    open = endAll(job, [source as Submit])
  }
  t.fail('it does not end')
})

t.test('parts go out a window at a time, and all of them go', async (t) => {
  const wide: JobKind = {
    ...kind,
    stages: [
      {
        name: 'wide',
        parts: () => Array.from({ length: 1_000 }, (_, i) => ({ kind: 'source', input: i })),
      },
    ],
    combine: ({ done }) => ({ result: done[0]?.length }),
  }
  const job = createJob({ ...given, kind: wide })
  const open = started(job)
  let most = 0
  let end: JobEffect | undefined
  while (!end) {
    most = Math.max(most, open.length)
    const { part } = open.shift() as { part: PartState }
    const done: Outcome = { status: 'done', result: 1, files: [] }
    for (const effect of through(job, job.partEnded(part, 0, endOf(done), wallTime(1)))) {
      if (effect.do === 'submit') open.push(effect)
      else end = effect
    }
  }
  t.equal(most, 8)
  t.match(end, { status: 'done', result: { result: 1_000 } })
})

t.test('what parts give is limited before it is parsed, all parts together', (t) => {
  const job = createJob({ ...given, keptBytesMax: 100 })
  const [first, second] = started(job) as [Submit, Submit]
  const small = JSON.stringify({ status: 'done', result: 'x'.repeat(40), files: [] })
  t.same(job.partEnded(first.part, 0, ended(small), wallTime(1)), [])
  // Not even JSON: whoever parsed it would say so.
  const long = `{${'['.repeat(40)}`
  t.match(job.partEnded(second.part, 0, ended(long), wallTime(1)), [
    {
      do: 'end',
      status: 'failed',
      failure: {
        type: 'result-too-large',
        message:
          /part 2 of 5 .* has 41 bytes and the earlier results have \d+; .* 100 bytes in total/,
      },
    },
  ])
  t.end()
})

t.test('a part that runs again gives back what its outcome had taken', (t) => {
  const job = createJob({ ...given, keptBytesMax: 1_200 })
  const middles = endAll(job, started(job)) as Submit[]
  const lost: Outcome = { status: 'failed', type: 'missing-file', message: '', missing: ['m0'] }
  let middle = middles[0] as Submit
  for (let round = 0; round < 15; round++) {
    const [source] = job.partEnded(middle.part, middle.round, endOf(lost), wallTime(2))
    ;[middle] = endAll(job, [source as Submit]) as [Submit]
    t.equal(middle.do, 'submit')
  }
  t.end()
})

t.test('combining goes on a step at a time, and no part can end meanwhile', (t) => {
  let steps = 0
  const slow: JobKind = {
    ...kind,
    stages: [{ name: 'one', parts: () => [{ kind: 'source', input: 0 }] }],
    *combine({ done }) {
      while (steps++ < 3) yield
      return { result: done[0]?.[0]?.result }
    },
  }
  const job = createJob({ ...given, kind: slow })
  const [only] = started(job) as [Submit]
  const done: Outcome = { status: 'done', result: 7, files: [] }
  t.same(job.partEnded(only.part, 0, endOf(done), wallTime(1)), [{ do: 'proceed' }])
  for (let step = 0; step < 3; step++) {
    t.same(job.proceed(wallTime(1)), [{ do: 'proceed' }])
    t.equal(steps, step + 1)
  }
  t.same(job.proceed(wallTime(1)), [{ do: 'end', status: 'done', result: { result: 7 } }])
  t.same(job.proceed(wallTime(1)), [])
  t.end()
})

t.test('what a kind throws while it plans or combines ends the job with its words', (t) => {
  const failing: JobKind = {
    ...kind,
    stages: [],
    *combine() {
      yield
      throw new TaskFailure('result-too-large', 'far too large')
    },
  }
  const job = createJob({ ...given, kind: failing })
  const failure = { type: 'result-too-large', message: 'far too large' }
  t.same(through(job, job.start(wallTime(0))), [{ do: 'end', status: 'failed', failure }])
  t.end()
})

t.test('the part that ended its job has failed', (t) => {
  const job = createJob(given)
  const [first] = started(job) as [Submit]
  job.partEnded(
    first.part,
    0,
    endOf({ status: 'failed', type: 'evaluation', message: '' }),
    wallTime(1),
  )
  t.equal(first.part.status, 'failed')
  t.notOk(job.running.has(first.part))
  t.end()
})

t.test('a stored result that its kind does not allow fails the job, and is not combined', (t) => {
  const mistakeIn = (kind: string, result: unknown) =>
    kind === 'source' && result === 'bad' ? 'result must be good' : null
  const job = createJob({ ...given, mistakeIn })
  const [first] = started(job) as [Submit]
  const bad: Outcome = { status: 'done', result: 'bad', files: [] }
  t.match(job.partEnded(first.part, 0, endOf(bad), wallTime(1)), [
    { do: 'end', failure: { type: 'invalid-result', message: /result must be good/ } },
  ])
  t.end()
})
