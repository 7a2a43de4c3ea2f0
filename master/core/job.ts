// One job: which stage it is in and how each part stands. Pure: what is to be done comes out as
// effects, and how parts ended goes in. A stage waits for the set of its parts, never for a count.
//
// A part:   waiting --submitted--> running --outcome--> done | failed (ends the job)
//              ^                      |                   |
//              |                      | an input file     | its files were lost, and a part
//              +----------------------+ was missing       | that needs them says so: again
//              +------------------------------------------+
//
// Every time that a part runs again is a round of its own. After a restart of the master the same
// steps are taken again with the stored outcome of every round, and so lead to the same place.
//
// No step is long. Planning a stage and each step of combining are calls of their own (`proceed`),
// and what the parts may give together is limited in bytes before any of it is parsed.

import type { WallTime } from '../../shared/data/clock.ts'
import type {
  JobKind,
  JobResult,
  JobSoFar,
  Part,
  PartDone,
  PartFile,
} from '../../shared/kinds/job-kind.ts'
import { PARTS_MAX, stepsOf } from '../../shared/kinds/job-kind.ts'
import type { InputFile, Outcome, OutputFile } from '../../shared/protocol/wire.ts'

/** Parts under way at a time, for each slot: enough that none is idle, few enough to let others in. */
const AHEAD = 2
const UNDER_WAY_MIN = 8
/** A part whose files are lost more often than this ends its job. */
const ROUNDS_MAX = 20
/** What is counted for a part, and for a file that it is given or gives. In bytes. */
const PART_BYTES = 1_024
const REFERENCE_BYTES = 160
/** JSON takes more room as objects than as text. */
const OUTCOME_FACTOR = 2

type EarlierFile = Exclude<PartFile, { blob: string }>
export type Done = Omit<PartDone, 'files'> & { files: OutputFile[] }

export type PartState = {
  readonly stage: number
  readonly index: number
  readonly spec: Part
  /** How often it was begun again because what it gave, or needed, was lost. */
  round: number
  status: 'waiting' | 'running' | 'done' | 'failed'
  /** The task that it is in this round, once that is known. */
  task: string | null
  /** How often a slave has taken it, over all rounds. */
  tries: number
  done: Done | null
  /** Its result as it was written, where JSON.stringify writes it in another way. */
  written: string | null
  /** Bytes of the outcome that it keeps. */
  keptBytes: number
  startedAt: WallTime | null
  endedAt: WallTime | null
  /** Milliseconds in an executor. */
  ranMs: number
  /** The rounds of the parts whose files it was given. */
  given: Map<PartState, number>
}

export type StageState = {
  name: string
  parts: PartState[]
  /** Those that are not done. */
  left: Set<PartState>
  startedAt: WallTime
  endedAt: WallTime | null
}

type Failed = Outcome & { status: 'failed' }
export type JobFailure = { type: string; message: string }

export type JobEffect =
  | { do: 'submit'; part: PartState; round: number; files: InputFile[] }
  /** Call `proceed`, at a time when that may take a while. */
  | { do: 'proceed' }
  | { do: 'end'; status: 'done'; result: JobResult }
  | { do: 'end'; status: 'failed'; failure: JobFailure }

/** How the task of a part ended. */
export type PartEnd = {
  /** JSON text of an Outcome. */
  outcome: string
  /** How long that is. */
  bytes: number
  /** Its result as it was written, where it is to be shown so. */
  written?: string | null
  slave: string
  tries: number
  startedAt: WallTime | null
  ranMs: number
}

export type Job = ReturnType<typeof createJob>

export function createJob(given: {
  kind: JobKind
  input: unknown
  parts: number | null
  slots: number
  slaves: number
  together: 0 | 1
  /** How long a part may run. In milliseconds. */
  runLimitMs: number
  /** What the outcomes of its parts may have together. In bytes of JSON text. */
  keptBytesMax: number
  /**
   * What is wrong with a result of a kind; null when nothing. One that an earlier version stored has
   * not been checked, and must not be combined as it is. `outcome` is its text.
   */
  mistakeIn: (kind: string, result: unknown, outcome: string) => string | null
  /** Shown by slaves to each other. */
  ticket: string
}) {
  const { kind, input, parts, slots, slaves, runLimitMs, ticket } = given
  const together = given.together === 1
  const stages: StageState[] = []
  const underWayMax = Math.max(UNDER_WAY_MIN, slots * AHEAD)
  const running = new Set<PartState>()
  /** Not running and not done: ready to be submitted, unless one of its files is being made again. */
  let waiting: PartState[] = []
  let effects: JobEffect[] = []
  let ended = false
  /** `proceed` was asked for, and has not been called. */
  let proceeding = false
  let combining: ReturnType<typeof stepsOf> | null = null
  let keptBytes = 0
  let references = 0

  return {
    stages: stages as readonly StageState[],
    running: running as ReadonlySet<PartState>,

    /** Begins, or begins again after a restart. */
    start(now: WallTime): JobEffect[] {
      advance(now)
      return out()
    },

    /** The next slice of work: plans a stage, or takes a step of combining. */
    proceed(now: WallTime): JobEffect[] {
      if (ended || !proceeding) return []
      proceeding = false
      guarded(() => (stages.length === kind.stages.length ? combine() : plan(now)))
      advance(now)
      return out()
    },

    /** The task of a part's round has ended. What is not of its newest round changes nothing. */
    partEnded(part: PartState, round: number, end: PartEnd, now: WallTime): JobEffect[] {
      if (ended || part.round !== round || part.status !== 'running') return []
      running.delete(part)
      part.tries += end.tries
      if (keptBytes + end.bytes > given.keptBytesMax) fail(part, tooMuch(end.bytes))
      else settle(part, JSON.parse(end.outcome) as Outcome, end, now)
      advance(now)
      return out()
    },

    /** What its parts and their outcomes take in memory, about. In bytes. */
    get heldBytes(): number {
      const parts = stages.reduce((sum, stage) => sum + stage.parts.length, 0)
      return parts * PART_BYTES + references * REFERENCE_BYTES + keptBytes * OUTCOME_FACTOR
    },

    /** Nothing more comes out. */
    stop(): void {
      ended = true
    },
  }

  function out(): JobEffect[] {
    const all = effects
    effects = []
    return all
  }

  function advance(now: WallTime): void {
    if (ended || proceeding) return
    if ((stages.at(-1)?.left.size ?? 0) > 0) return guarded(() => submit(now))
    proceeding = true
    effects.push({ do: 'proceed' })
  }

  /** What a kind throws ends the job, with its words. */
  function guarded(step: () => void): void {
    try {
      step()
    } catch (error) {
      const { type = 'evaluation', message } = error as Error & { type?: string }
      end({ do: 'end', status: 'failed', failure: { type, message } })
    }
  }

  /** Nothing was left to do when this was asked for, and nothing can have come up since. */
  function combine(): void {
    combining ??= stepsOf(kind.combine(soFar()))
    const step = combining.next()
    if (step.done) end({ do: 'end', status: 'done', result: step.value })
  }

  /** Cuts the next stage into its parts. */
  function plan(now: WallTime): void {
    const number = stages.length
    const { name, parts: cut } = kind.stages[number] as JobKind['stages'][number]
    const specs = cut(soFar())
    if (specs.length > PARTS_MAX) {
      throw new Error(
        `stage "${name}" would have ${specs.length} parts; the maximum is ${PARTS_MAX}`,
      )
    }
    const made = specs.map((spec, index) => newPart(number, index, spec))
    references += specs.reduce((sum, { files = [] }) => sum + files.length, 0)
    stages.push({ name, parts: made, left: new Set(made), startedAt: now, endedAt: null })
    if (made.length === 0) (stages.at(-1) as StageState).endedAt = now
    waiting.push(...made)
  }

  function soFar(): JobSoFar<never> {
    const done = stages.map(({ parts }) => parts.map((part) => part.done as Done))
    return { input: input as never, parts, slots, slaves, together, runLimitMs, done }
  }

  function submit(now: WallTime): void {
    const blocked: PartState[] = []
    let next = 0
    for (; next < waiting.length && running.size < underWayMax && !ended; next++) {
      const part = waiting[next] as PartState
      const sources = sourcesOf(part)
      if (sources.some(({ status }) => status !== 'done')) blocked.push(part)
      else begin(part, sources, now)
    }
    waiting = [...blocked, ...waiting.slice(next)]
  }

  function begin(part: PartState, sources: PartState[], now: WallTime): void {
    part.status = 'running'
    part.task = null
    part.startedAt ??= now
    part.given = new Map(sources.map((source) => [source, source.round]))
    running.add(part)
    const files = (part.spec.files ?? []).map(whereIs)
    effects.push({ do: 'submit', part, round: part.round, files })
  }

  function sourcesOf({ spec }: PartState): PartState[] {
    const sources = (spec.files ?? []).flatMap((file) => ('blob' in file ? [] : [sourceOf(file)]))
    return [...new Set(sources)]
  }

  function sourceOf(file: EarlierFile): PartState {
    const source = stages[file.stage]?.parts[file.part]
    if (source) return source
    throw new Error(
      `${file.name} is from part ${file.part} of stage ${file.stage}, which does not exist`,
    )
  }

  function whereIs(file: PartFile): InputFile {
    const { name } = file
    if ('blob' in file) return { name, url: `/blobs/${file.blob}`, sha256: file.blob }
    const made = (sourceOf(file).done as Done).files.find((each) => each.name === file.file)
    if (!made)
      throw new Error(`part ${file.part} of stage ${file.stage} did not produce ${file.file}`)
    const { bytes, sha256, url } = made
    if (url === undefined) return { name, url: `/blobs/${sha256}`, bytes, sha256: sha256 as string }
    return { name, url, bytes, ticket, ...(sha256 ? { sha256 } : {}) }
  }

  function settle(part: PartState, outcome: Outcome, end: PartEnd, now: WallTime): void {
    const isDone = outcome.status === 'done'
    const wrong = isDone ? given.mistakeIn(part.spec.kind, outcome.result, end.outcome) : null
    if (wrong !== null) fail(part, { status: 'failed', type: 'invalid-result', message: wrong })
    else if (outcome.status === 'done') finish(part, outcome, end, now)
    else if (outcome.type === 'missing-file') again(part, outcome, now)
    else fail(part, outcome)
  }

  function finish(
    part: PartState,
    outcome: Outcome & { status: 'done' },
    { slave, ranMs, bytes, written = null }: PartEnd,
    now: WallTime,
  ): void {
    const { status: _, resultText: __, files = [], ...result } = outcome
    part.status = 'done'
    part.done = { ...result, files, slave }
    part.written = written
    part.keptBytes = bytes + (written?.length ?? 0)
    keptBytes += part.keptBytes
    references += files.length
    part.endedAt = now
    part.ranMs += ranMs
    const stage = stages[part.stage] as StageState
    stage.left.delete(part)
    if (stage.left.size === 0) stage.endedAt = now
  }

  /** Files of earlier parts are gone with their slave: those parts run again, and then this one. */
  function again(part: PartState, outcome: Failed, now: WallTime): void {
    const lost = new Set<PartState>()
    for (const file of part.spec.files ?? []) {
      // A failure that does not name the file may mean any file that parts make.
      if (outcome.missing ? !outcome.missing.includes(file.name) : 'blob' in file) continue
      if ('blob' in file) return fail(part, outcome)
      lost.add(sourceOf(file))
    }
    if (lost.size === 0) return fail(part, outcome)
    for (const source of lost) {
      // Somebody else may have said so already.
      if (source.status === 'done' && source.round === part.given.get(source)) repeat(source, now)
    }
    repeat(part, now)
    if (Math.max(part.round, ...[...lost].map(({ round }) => round)) > ROUNDS_MAX)
      fail(part, outcome)
  }

  function repeat(part: PartState, now: WallTime): void {
    part.round++
    part.status = 'waiting'
    keptBytes -= part.keptBytes
    references -= part.done?.files.length ?? 0
    part.keptBytes = 0
    part.done = null
    part.written = null
    const stage = stages[part.stage] as StageState
    stage.left.add(part)
    stage.endedAt = null
    waiting = [part, ...waiting]
    part.startedAt = now
    part.endedAt = null
  }

  function tooMuch(bytes: number): Failed {
    const message = `its result has ${bytes} bytes and the earlier results have ${keptBytes}; the results of all parts of a job may have ${given.keptBytesMax} bytes in total (--job-bytes-max of the master)`
    return { status: 'failed', type: 'result-too-large', message }
  }

  function fail(part: PartState, { type, message }: Failed): void {
    part.status = 'failed'
    const { name, parts } = stages[part.stage] as StageState
    const which = `part ${part.index + 1} of ${parts.length} of stage "${name}"`
    end({ do: 'end', status: 'failed', failure: { type, message: `${which}: ${message}` } })
  }

  function end(effect: JobEffect): void {
    ended = true
    waiting = []
    effects = [effect]
  }
}

const newPart = (stage: number, index: number, spec: Part): PartState => ({
  stage,
  index,
  spec,
  round: 0,
  status: 'waiting',
  task: null,
  tries: 0,
  done: null,
  written: null,
  keptBytes: 0,
  startedAt: null,
  endedAt: null,
  ranMs: 0,
  given: new Map(),
})
