// What a master answers its clients, as schemas: the other half of the data dictionary (wire.ts is
// what master and slaves say to each other). The OpenAPI document is made of it. Replies are written
// as they are and not filtered by these: a test holds them to it.

import type { TSchema } from 'typebox'
import { Type } from 'typebox'
import { PROBLEMS } from './problems.ts'
import { Name, Sha256, UUID_PATTERN } from './wire.ts'

const Id = Type.String({ pattern: UUID_PATTERN, wanted: 'an id: a UUID in small letters' })
const Time = Type.String({ format: 'date-time' })
const Count = Type.Integer({ minimum: 0 })
const Ms = Type.Number({ minimum: 0, description: 'milliseconds' })
const TraceId = Type.String({
  pattern: '^[0-9a-f]{32}$',
  wanted: '32 hexadecimal digits, in small letters',
  description: 'of W3C Trace Context',
})
const orNull = (schema: TSchema) => Type.Union([schema, Type.Null()])
const words = (list: readonly string[]) => Type.Union(list.map((word) => Type.Literal(word)))
const strict = { additionalProperties: false }

export const STATUSES = [
  'pending',
  'in progress',
  'done',
  'failed',
  'cancelled',
  'expired',
] as const
export const JOB_STATUSES = ['in progress', 'done', 'failed', 'cancelled'] as const

export const Asked = Type.Object(
  {
    slave: Type.Optional(Name),
    answer: words(['available', 'not available', 'no answer']),
    reason: Type.String({ description: "in the slave's own words" }),
    ms: Type.Optional(Ms),
    knownMs: Type.Optional(
      Type.Number({
        minimum: 0,
        description: 'not asked: its last word is so old, and still held',
      }),
    ),
  },
  strict,
)

/** RFC 9457. `type` is one of the table. */
export const ProblemDocument = Type.Object(
  {
    type: words(Object.keys(PROBLEMS)),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    asked: Type.Optional(Type.Array(Asked)),
    errors: Type.Optional(
      Type.Array(Type.Object({ field: Type.String(), rule: Type.String() }, strict)),
    ),
  },
  { description: 'A problem (RFC 9457).' },
)

const Failure = Type.Object({ type: Type.String(), message: Type.String() })
const outcome = {
  result: Type.Optional(Type.Unknown()),
  resultType: Type.Optional(Type.String()),
  resultText: Type.Optional(Type.String()),
  files: Type.Optional(Type.Array(Type.Unknown())),
  failure: Type.Optional(Failure),
}

export const AcceptedTask = Type.Object(
  {
    id: Id,
    status: words(STATUSES),
    slave: orNull(Name),
    message: Type.String(),
    asked: Type.Array(Asked),
  },
  { ...strict, description: 'A slave has it, or it waits in line.' },
)

export const EndedTask = Type.Object(
  {
    id: Id,
    kind: Name,
    status: words(STATUSES),
    ...outcome,
    slave: orNull(Name),
    asked: Type.Array(Asked),
  },
  { ...strict, description: 'It ended while its client waited.' },
)

const summary = {
  id: Id,
  kind: Name,
  status: words(STATUSES),
  input: Type.Optional(Type.Unknown()),
  ...outcome,
  slave: orNull(Name),
  tries: Count,
  priority: Type.Integer(),
  runLimitMs: Count,
  tags: Type.Array(Type.String()),
  createdAt: Time,
  startedAt: orNull(Time),
  endedAt: orNull(Time),
  waitUntil: Type.Optional(Time),
  omitted: Type.Optional(Type.Array(Type.String())),
}
export const TaskSummary = Type.Object(summary, strict)
export const Task = Type.Object({ ...summary, traceId: TraceId, asked: Type.Array(Asked) }, strict)
export const TaskList = Type.Object({ tasks: Type.Array(TaskSummary), next: orNull(Id) }, strict)

export const TrailEntry = Type.Object(
  {
    at: Time,
    event: Type.String(),
    slave: Type.Optional(Name),
    reason: Type.Optional(Type.String()),
    ms: Type.Optional(Ms),
    knownMs: Type.Optional(Type.Number({ minimum: 0 })),
  },
  strict,
)
export const Trail = Type.Object(
  { id: Id, status: words(STATUSES), trail: Type.Array(TrailEntry) },
  strict,
)

export const Explanation = Type.Object(
  {
    wouldAsk: orNull(Name),
    slaves: Type.Array(
      Type.Object({ slave: Name, available: Type.Boolean(), reason: Type.String() }, strict),
    ),
  },
  { ...strict, description: 'With `?dry-run`: who would be asked first, and why not the others.' },
)

export const BatchExplanation = Type.Object(
  { tasks: Type.Array(Type.Object({ kind: Name, wouldAsk: orNull(Name) }, strict)) },
  { ...strict, description: 'With `?dry-run`: who would be asked first, item by item.' },
)

export const JobExplanation = Type.Object(
  {
    kind: Name,
    needs: Type.Array(Name, { description: 'kinds that slaves must offer' }),
    stages: Type.Array(Type.String()),
    parts: Type.Integer({ minimum: 0, description: 'of the first stage' }),
    slots: Count,
    slaves: Count,
  },
  { ...strict, description: 'With `?dry-run`: how the job would be split, and among how many.' },
)

/** What a key hears that may cancel and not read. */
export const Cancelled = Type.Object(
  { id: Id, status: words(STATUSES) },
  { ...strict, description: 'Where the key may not read.' },
)

export const Batch = Type.Object(
  {
    tasks: Type.Array(
      Type.Object({
        code: Type.Integer({ description: 'the status that it would have had alone' }),
        id: Type.Optional(Id),
        problem: Type.Optional(ProblemDocument),
        retryAfter: Type.Optional(Count),
        replayed: Type.Optional(
          Type.Boolean({ description: 'its idempotencyKey came before: this is the same task' }),
        ),
      }),
    ),
  },
  strict,
)

const Stage = Type.Object({
  name: Type.String(),
  total: Count,
  done: Count,
  running: Count,
  again: Count,
  bytes: Count,
  startedAt: orNull(Time),
  endedAt: orNull(Time),
  ms: Type.Number(),
  stragglers: Type.Array(
    Type.Object({
      part: Count,
      task: orNull(Id),
      runningMs: Type.Number(),
      usualMs: Type.Number(),
    }),
  ),
})
export const Job = Type.Object(
  {
    id: Id,
    kind: Name,
    status: words(JOB_STATUSES),
    input: Type.Optional(Type.Unknown()),
    omitted: Type.Optional(Type.Array(Type.String())),
    ...outcome,
    file: Type.Optional(
      Type.Object({ name: Type.String(), type: Type.String(), href: Type.String() }, strict),
    ),
    stages: Type.Array(Stage),
    priority: Type.Integer(),
    runLimitMs: Count,
    slots: Type.Integer({ minimum: 1, description: 'of the slaves that could take its parts' }),
    slaves: Type.Integer({ minimum: 1, description: 'that could take its parts when it came' }),
    tags: Type.Array(Type.String()),
    traceId: TraceId,
    createdAt: Time,
    endedAt: orNull(Time),
    ms: Type.Number(),
  },
  strict,
)
export const JobList = Type.Object({ jobs: Type.Array(Job), next: orNull(Id) }, strict)
const Part = Type.Object({
  part: Count,
  kind: Name,
  status: Type.String(),
  task: orNull(Id),
  slave: orNull(Type.String()),
  result: Type.Optional(Type.Unknown()),
  omitted: Type.Optional(Type.Array(Type.String())),
  bytes: Count,
  files: Type.Optional(
    Type.Array(Type.Object({ name: Type.String(), sha256: Type.Optional(Type.String()) }), {
      description: 'those that are blobs on the master',
    }),
  ),
  ms: Type.Number(),
  tries: Count,
  rounds: Count,
})
const Transfers = Type.Array(
  Type.Array(Type.Union([Type.String(), Count]), {
    minItems: 3,
    maxItems: 3,
    description: 'from which slave, to which, how many bytes',
  }),
  { description: 'partitions that the parts which are done were given' },
)
export const Parts = Type.Object(
  {
    id: Id,
    status: words(JOB_STATUSES),
    stages: Type.Array(
      Type.Object(
        {
          name: Type.String(),
          total: Count,
          next: orNull(Count),
          omitted: Type.Optional(Type.Array(Type.String())),
          transfers: Transfers,
          parts: Type.Array(Part),
        },
        strict,
      ),
    ),
  },
  strict,
)
export const JobResult = Type.Object(
  {
    id: Id,
    result: Type.Unknown(),
    resultType: Type.Optional(Type.String()),
    resultText: Type.Optional(Type.String()),
  },
  { description: 'Where the result is no file.' },
)

const AnyKind = {
  name: Name,
  summary: Type.String(),
  input: Type.Unknown({ description: 'a JSON schema' }),
  output: Type.Unknown({ description: 'a JSON schema' }),
  examples: Type.Array(Type.Unknown()),
}
export const Kinds = Type.Object(
  {
    kinds: Type.Array(
      Type.Object(
        {
          ...AnyKind,
          files: Type.Boolean({
            description: 'works on files of a job: cannot be asked for alone',
          }),
          shorthand: Type.Boolean({ description: "its input's fields may stand at the top" }),
          offeredBy: Type.Integer({ minimum: 0, description: 'how many slaves that are alive' }),
        },
        strict,
      ),
    ),
    jobs: Type.Array(Type.Object(AnyKind, strict)),
    foreign: Type.Array(Type.Object({ name: Name, offeredBy: Count }, strict), {
      description: 'kinds that slaves bring along, of which only they know the schema',
    }),
  },
  strict,
)

export const Blob = Type.Object({ sha256: Sha256, bytes: Count, type: Type.String() }, strict)

export const Slave = Type.Object({
  name: Name,
  place: Type.Integer({ minimum: 1, description: 'in the order of asking' }),
  url: orNull(Type.String()),
  pull: Type.Boolean(),
  state: Type.String(),
  reason: Type.String(),
  slots: Count,
  free: Count,
  running: Count,
  beingOffered: Count,
  drained: Type.Boolean(),
  kinds: Type.Array(Name),
  tags: Type.Array(Type.String()),
  version: Type.String(),
  heardMs: orNull(Type.Number()),
  serviceMs: orNull(Type.Number()),
  taken: Count,
  ended: Count,
})
export const SlaveList = Type.Object({ slaves: Type.Array(Slave) })
export const Message = Type.Object({ message: Type.String() }, strict)

const ByWord = Type.Record(Type.String(), Count)
export const Status = Type.Object({
  version: Type.String(),
  upMs: Type.Number(),
  accepting: Type.Boolean(),
  slaves: Type.Object({ registered: Count, alive: Count }),
  slots: Type.Object({ total: Count, free: Count }),
  tasks: ByWord,
  running: Count,
  waiting: Count,
  counters: Type.Object({
    accepted: Count,
    asks: Count,
    answers: ByWord,
    refused: ByWord,
    ended: ByWord,
    attemptsLost: Count,
    callbacksUnattached: Count,
    callbacksStale: Count,
    callbacksForged: Count,
  }),
  eventLoopLagMs: Type.Object({ mean: Type.Number(), p99: Type.Number(), max: Type.Number() }),
})
export const Up = Type.Object({ status: Type.String() }, strict)
