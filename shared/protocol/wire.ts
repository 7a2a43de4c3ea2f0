// All messages between master and slaves, as schemas. The endpoints are in api/slave-side.ts and
// slave-api.ts. Messages are lists, also of one item. Unknown fields of a peer are ignored, so that
// neighbouring versions understand each other.

import type { Static } from 'typebox'
import { Type } from 'typebox'
import { FILE_PATH_WANTED } from '../data/file-paths.ts'
import { NAME_PATTERN, NAME_WANTED } from './patterns.ts'
import { words } from './words.ts'

/** A schema for a name, with the words of its rule. */
export const Name = Type.String({ pattern: NAME_PATTERN, wanted: NAME_WANTED })
export const Sha256 = Type.String({
  pattern: '^[0-9a-f]{64}$',
  wanted: 'a SHA-256 as 64 lower-case hexadecimal digits',
})
/** An id whose form its receiver does not check: of a process, an attempt, a task or a job. */
export const AnyId = Type.String({ minLength: 1, maxLength: 128 })
const Reason = Type.String({ maxLength: 1024 })
export const Count = Type.Integer({ minimum: 0 })

/** How full a cache of files is, in bytes. */
export const FileCache = Type.Object({ bytes: Count, bytesMax: Count })
export type FileCache = Static<typeof FileCache>

/**
 * The state of a slave, in every message that it sends. `boot` identifies this run of its process.
 * `generation` grows with every change of what it holds: older information never overwrites newer.
 */
export const SlaveState = Type.Object({
  slave: Name,
  boot: AnyId,
  generation: Count,
  /** Maximum number of concurrent tasks. */
  slots: Type.Integer({ minimum: 1, maximum: 65_536 }),
  /** Slots that are free now. */
  free: Count,
  /** `accepting`: accepts tasks. `draining`: finishes its tasks. `unwilling`: has a reason of its own. */
  mode: words(['accepting', 'draining', 'unwilling']),
  /** Why it accepts nothing, in words for people; empty when it accepts and has a free slot. */
  reason: Reason,
  cache: Type.Optional(FileCache),
  /** In pull mode: the newest poll that has ended for the slave; `free` counts what the polls delivered. */
  polled: Type.Optional(Count),
})
export type SlaveState = Static<typeof SlaveState>

/**
 * What a slave can do besides running its kinds. `files`: fetches the files of any task. `outputs`: uploads
 * what a run leaves. `commands`: runs programs (the kind `command`), also with secret variables.
 */
export const FEATURES = ['files', 'outputs', 'commands'] as const
export type Feature = (typeof FEATURES)[number]

/** The programs that a slave runs. */
export const Commands = Type.Object({
  /** Their names; `any`: all that are installed there. */
  programs: Type.Union([
    Type.Literal('any'),
    Type.Array(Type.String({ minLength: 1, maxLength: 255 }), { maxItems: 1024 }),
  ]),
  /** How all processes of a run are ended. `process-group`: those that leave the group survive. */
  containment: words(['pid-namespace', 'cgroup', 'process-group']),
})
export type Commands = Static<typeof Commands>

/** The card of a slave: in its registration, and in its reply to a probe. */
export const SlaveCard = Type.Object({
  name: Name,
  boot: AnyId,
  version: Type.String({ maxLength: 64 }),
  kinds: Type.Array(Name, { maxItems: 1024 }),
  tags: Type.Array(Type.String({ maxLength: 64 }), { maxItems: 64 }),
  slots: Type.Integer({ minimum: 1, maximum: 65_536 }),
  /** Some of FEATURES. A slave of another version may name others, or none. */
  features: Type.Optional(Type.Array(Name, { maxItems: 64 })),
  /** Absent: it runs none. */
  commands: Type.Optional(Commands),
})
export type SlaveCard = Static<typeof SlaveCard>

/** `POST /slaves` (slave to master): registers the slave, with an address or in pull mode. */
export const Registration = Type.Object({
  ...SlaveCard.properties,
  /** The http(s) origin at which the master reaches the slave. */
  url: Type.Optional(Type.String({ maxLength: 2048 })),
  /** In place of `url`: the slave polls (see Poll). */
  pull: Type.Optional(Type.Literal(true)),
})
export type Registration = Static<typeof Registration>

/** The reply to a registration: the heartbeat interval. */
export const RegistrationReply = Type.Object({
  heartbeatMs: Type.Integer({ minimum: 1 }),
  /** Identifies the master for as long as it keeps its store; the slave repeats it in `reportsTo`. */
  master: Type.Optional(AnyId),
})
export type RegistrationReply = Static<typeof RegistrationReply>

/** The path of a file of a task (data/file-paths.ts has the whole rule). */
export const FilePath = Type.String({ minLength: 1, maxLength: 1024, wanted: FILE_PATH_WANTED })

/** An input file, which the slave fetches before it runs the task. */
export const InputFile = Type.Object({
  name: FilePath,
  /** On the master when it begins with "/", else at a peer. */
  url: Type.String({ maxLength: 2048 }),
  bytes: Type.Optional(Count),
  /** Of the content, in hexadecimal. */
  sha256: Type.Optional(Sha256),
  /** Sent to a peer as `Authorization: Bearer`. */
  ticket: Type.Optional(Type.String({ maxLength: 256 })),
})
export type InputFile = Static<typeof InputFile>

/** An output file of a task. */
export const OutputFile = Type.Object({
  name: InputFile.properties.name,
  bytes: Count,
  sha256: InputFile.properties.sha256,
  /** Its media type. */
  type: Type.Optional(Type.String({ maxLength: 128 })),
  /** Its address on the slave that keeps it, if a slave does. */
  url: Type.Optional(Type.String({ maxLength: 2048 })),
})
export type OutputFile = Static<typeof OutputFile>

/** Files that a run leaves: paths, and patterns as of a shell (`*`, `?`, `[...]`, `**`). */
export const OutputNames = Type.Array(FilePath, { maxItems: 1000 })

/** Environment variables of a program. */
export const Variables = Type.Record(
  Type.String({
    pattern: '^[A-Za-z_][A-Za-z0-9_]{0,255}$',
    wanted: 'names of letters, digits and underscores, not beginning with a digit',
  }),
  Type.String({
    maxLength: 131_072,
    pattern: '^[^\\0]*$',
    wanted: 'text without NUL characters',
  }),
  { additionalProperties: false },
)

/** Further fields of the offer of a task with files, and of a job's part. */
export const WithFiles = {
  files: Type.Optional(Type.Array(InputFile, { maxItems: 10_000 })),
  /** Feature `outputs`: what is uploaded to the master before the outcome is delivered. */
  outputs: Type.Optional(OutputNames),
  /** Feature `commands`: variables of the program beside those of its input, which nobody is shown. */
  secretEnv: Type.Optional(Variables),
}

/** Further fields of the offer of a job's part. */
export const PartOfJob = {
  job: Type.Optional(AnyId),
  /** Lets peers fetch this job's files from this slave. */
  ticket: Type.Optional(Type.String({ maxLength: 256 })),
  /** Output files become blobs on the master, or partitions kept on the slave. */
  keep: Type.Optional(words(['master', 'slave'])),
}

/** The trace of a task (W3C Trace Context). The default is derived from the task's id (trace.ts). */
export const TraceContext = {
  traceparent: Type.Optional(Type.String({ maxLength: 55 })),
  tracestate: Type.Optional(Type.String({ maxLength: 512 })),
}

/** `POST /offers` (master to slave): asks whether the slave is available for the task, and carries the task. */
export const Offer = Type.Object({
  attempt: AnyId,
  task: AnyId,
  kind: Name,
  input: Type.Unknown(),
  /** Limit of the run time in milliseconds, from the start in an executor. */
  runLimitMs: Type.Integer({ minimum: 1 }),
  ...TraceContext,
  ...WithFiles,
  ...PartOfJob,
})
export type Offer = Static<typeof Offer>
export const OffersRequest = Type.Object({
  /** The boot that the offers are for. Another boot of the slave accepts none of them. */
  boot: Type.Optional(AnyId),
  offers: Type.Array(Offer, { minItems: 1 }),
})
export type OffersRequest = Static<typeof OffersRequest>

export const ANSWERS = ['taken', 'busy', 'draining', 'unable', 'unwilling', 'revoked'] as const
/**
 * `taken`: accepted. `busy`: no free slot. `draining`: accepts nothing new. `unable`: lacks the kind or a need.
 * `unwilling`: a reason of its own. `revoked`: the attempt was revoked before the offer arrived.
 */
export type Answer = (typeof ANSWERS)[number]
export const OfferAnswer = Type.Object({
  attempt: AnyId,
  answer: words(ANSWERS),
  /** In words for people, such as "running 1 of 1"; empty for `taken`. */
  reason: Reason,
})
export type OfferAnswer = Static<typeof OfferAnswer>
export const OffersReply = Type.Object({ state: SlaveState, answers: Type.Array(OfferAnswer) })
export type OffersReply = Static<typeof OffersReply>

/** The outcome of an attempt that succeeded. */
export const Done = Type.Object({
  status: Type.Literal('done'),
  result: Type.Unknown(),
  /** The type of `result` where JSON has no such type, such as `BigNumber`. */
  resultType: Type.Optional(Type.String({ maxLength: 64 })),
  /** `result` in the notation of people. */
  resultText: Type.Optional(Type.String()),
  files: Type.Optional(Type.Array(OutputFile, { maxItems: 10_000 })),
})
export const FAILURES = [
  'rejected-expression',
  'rejected-input',
  'evaluation',
  'time-limit',
  'memory-limit',
  'result-too-large',
  'invalid-result',
  'executor-crashed',
  'poison',
  'slave-lost',
  'outcome-lost',
  'no-capable-slave',
  'missing-file',
  'file-changed',
  'exit-code',
  'missing-output',
  'disk-limit',
  'program-missing',
] as const
/** Why a task failed; master/http/README.md explains each. */
export type FailureType = (typeof FAILURES)[number]
export const Failed = Type.Object({
  status: Type.Literal('failed'),
  /** One of FAILURES; a slave of another version may give others. */
  type: Type.Unsafe<FailureType>(Type.String({ maxLength: 64 })),
  message: Type.String({ maxLength: 4096 }),
  /** With `exit-code`: what the program ended with, and the signal that ended it; one of them is null. */
  exitCode: Type.Optional(Type.Union([Type.Integer(), Type.Null()])),
  signal: Type.Optional(Type.Union([Type.String({ maxLength: 32 }), Type.Null()])),
  /** What the run gave all the same, such as the output of a program that failed. */
  result: Type.Optional(Type.Unknown()),
  files: Done.properties.files,
  /** With `missing-file`: names of the input files that could not be fetched. */
  missing: Type.Optional(Type.Array(InputFile.properties.name, { maxItems: 10_000 })),
})
export const Outcome = Type.Union([Done, Failed])
export type Outcome = Static<typeof Outcome>

/** An outcome. `POST /callbacks` (slave to master) repeats outcomes until the master acknowledges them. */
export const Callback = Type.Object({
  attempt: AnyId,
  task: AnyId,
  outcome: Outcome,
  /** Run time in an executor, in milliseconds. */
  ranMs: Type.Number({ minimum: 0 }),
  /** As in the offer. */
  traceparent: TraceContext.traceparent,
})
export type Callback = Static<typeof Callback>
export const CallbacksRequest = Type.Object({
  state: SlaveState,
  callbacks: Type.Array(Callback, { minItems: 1 }),
})
export type CallbacksRequest = Static<typeof CallbacksRequest>
/** Attempts that are settled: the slave removes them from its outbox. */
export const CallbacksReply = Type.Object({ acknowledged: Type.Array(AnyId) })
export type CallbacksReply = Static<typeof CallbacksReply>

/** An attempt that a slave holds: waiting for an executor, running, or ended and in the outbox. */
export const HeldAttempt = Type.Object({
  attempt: AnyId,
  task: AnyId,
  status: words(['waiting', 'running', 'ended']),
})
export type HeldAttempt = Static<typeof HeldAttempt>

/** `POST /slaves/{name}/heartbeat` (slave to master), every heartbeatMs +-10 %. */
export const Heartbeat = Type.Object({
  state: SlaveState,
  attempts: Type.Array(HeldAttempt),
  /** Jobs whose files the slave keeps. */
  jobs: Type.Optional(Type.Array(AnyId, { maxItems: 10_000 })),
})
export type Heartbeat = Static<typeof Heartbeat>
export const HeartbeatReply = Type.Object({
  /** Revoked attempts: the agent kills them. */
  revoke: Type.Array(AnyId),
  /** The master does not know this boot: the slave must register again. */
  register: Type.Boolean(),
  /** Those jobs of the heartbeat that have ended: the slave removes their files. */
  endedJobs: Type.Optional(Type.Array(AnyId)),
  /** As in RegistrationReply. */
  master: RegistrationReply.properties.master,
})
export type HeartbeatReply = Static<typeof HeartbeatReply>

/** A master that a slave sends heartbeats and outcomes to. */
export const ReportsTo = Type.Object({
  /** Its URL, as configured on the slave. */
  url: Type.String({ maxLength: 2048 }),
  /** As in RegistrationReply; absent until that master has replied. */
  master: RegistrationReply.properties.master,
})
export type ReportsTo = Static<typeof ReportsTo>

/** `GET /attempts` (master to slave): the probe, which asks who the slave is and what it holds. */
export const AttemptsReply = Type.Object({
  card: SlaveCard,
  state: SlaveState,
  attempts: Type.Array(HeldAttempt),
  /** A master that is not listed gets no outcomes, and must not offer. Slaves may omit the list. */
  reportsTo: Type.Optional(Type.Array(ReportsTo, { maxItems: 64 })),
})
export type AttemptsReply = Static<typeof AttemptsReply>

/** `POST /attempts/revoke` (master to slave): the slave drops these attempts and never accepts them. */
export const RevokeRequest = Type.Object({ attempts: Type.Array(AnyId, { minItems: 1 }) })
export type RevokeRequest = Static<typeof RevokeRequest>
export const RevokeReply = Type.Object({ state: SlaveState })
export type RevokeReply = Static<typeof RevokeReply>

/** How long a poll is held, at most and by default. In seconds. */
export const POLL_SECONDS_MAX = 60
export const POLL_SECONDS = 20

/**
 * The query of `GET /get_task` (slave to master): the slave accepts tasks up to its free slots. A registered
 * slave gives its state. A poll is identified by its generation, which grows with every poll and again at
 * its end; without `polled`, all earlier polls have ended. A simple slave, which neither registers nor sends
 * heartbeats, gives `kinds` instead, or nothing.
 */
export const Poll = Type.Object({
  slave: Name,
  boot: Type.Optional(AnyId),
  generation: Type.Optional(Count),
  free: Type.Optional(Count),
  mode: Type.Optional(SlaveState.properties.mode),
  reason: Type.Optional(Reason),
  polled: SlaveState.properties.polled,
  /** Of a simple slave: its kinds, separated by commas. Default: all kinds that need no files. */
  kinds: Type.Optional(Type.String({ maxLength: 8192 })),
  wait: Type.Optional(Type.Number({ minimum: 0, maximum: POLL_SECONDS_MAX })),
})
export type Poll = Static<typeof Poll>

/** The same for any slave: a simple slave without a name gets one from the master. */
export const AnyPoll = Type.Object({ ...Poll.properties, slave: Type.Optional(Name) })
export type AnyPoll = Static<typeof AnyPoll>

/** The reply to the poll of a registered slave. A simple slave gets one SimpleOffer. 204: no task. */
export const PollReply = Type.Object({
  offers: Type.Array(Offer),
  /** Revoked attempts: the agent kills them. */
  revoke: Type.Array(AnyId),
})
export type PollReply = Static<typeof PollReply>

export const SimpleOffer = Type.Object({
  ...Offer.properties,
  /** The name that the master gave to a slave that polled without one. */
  slave: Type.Optional(Name),
})
export type SimpleOffer = Static<typeof SimpleOffer>

const submitted = {
  /** Required with `attempt`. */
  slave: Type.Optional(Name),
  /** A simple slave may give `task` alone. */
  attempt: Type.Optional(AnyId),
  /** As in the offer. Without it, only an attempt that the slave still holds is found. */
  task: Type.Optional(AnyId),
  ranMs: Type.Optional(Callback.properties.ranMs),
}
const { status: _done, ...doneFields } = Done.properties
const { status: _failed, ...failedFields } = Failed.properties
/** `POST /submit_result` (slave to master): a CallbacksRequest, or one of these two short forms. */
export const SubmittedDone = Type.Object({ ...submitted, ...doneFields })
export const SubmittedFailed = Type.Object({ ...submitted, failure: Type.Object(failedFields) })

/** `GET /availability` (any client to slave). Changes nothing. */
export const Availability = Type.Object({
  available: Type.Boolean(),
  message: Type.String(),
  ...SlaveState.properties,
})
export type Availability = Static<typeof Availability>
