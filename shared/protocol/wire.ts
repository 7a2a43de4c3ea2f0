// Every message that crosses a wire between master and slave, as schemas: the data dictionary.
// The client API is in api/, by endpoint. Lists everywhere: a list of one is a list.
// Unknown fields from a peer are ignored, so that neighbouring versions understand each other.

import type { Static } from 'typebox'
import { Type } from 'typebox'
import { words } from './words.ts'

/** Names of slaves and kinds: what may stand in a URL, a log line and a metric label as it is. */
export const NAME_PATTERN = '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'

/** The same in words. */
export const NAME_WANTED =
  'a name of up to 64 letters, digits, dots, dashes and underscores, beginning with a letter or digit'

/** Ids that are told to clients: those of tasks and jobs. */
export const UUID_PATTERN = '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'

/** The same as a client may write them: in capitals, too. */
export const ANY_UUID_PATTERN = UUID_PATTERN.replaceAll('a-f', 'a-fA-F')

/** A schema for a name, with the words of its rule. */
export const Name = Type.String({ pattern: NAME_PATTERN, wanted: NAME_WANTED })
export const Sha256 = Type.String({
  pattern: '^[0-9a-f]{64}$',
  wanted: 'a SHA-256 in 64 hexadecimal digits, in small letters',
})
const Id = Type.String({ minLength: 1, maxLength: 128 })
const Reason = Type.String({ maxLength: 1024 })
const Count = Type.Integer({ minimum: 0 })

/**
 * What a slave says of itself, in every message it sends. `boot` names this run of its process,
 * `generation` grows with every change of what it holds: older news never overwrites newer.
 */
export const SlaveState = Type.Object({
  slave: Name,
  boot: Id,
  generation: Count,
  /** How many tasks it takes at a time. */
  slots: Type.Integer({ minimum: 1, maximum: 65_536 }),
  /** How many of its slots are free now. */
  free: Count,
  /** `accepting`: takes tasks. `draining`: finishes what it has. `unwilling`: its own reason. */
  mode: Type.Union([
    Type.Literal('accepting'),
    Type.Literal('draining'),
    Type.Literal('unwilling'),
  ]),
  /** Why it takes nothing, in words for a person; empty when it is accepting and has a free slot. */
  reason: Reason,
  /** Of a slave that pulls: the polls up to this one are over for it; what they brought is counted. */
  polled: Type.Optional(Count),
})
export type SlaveState = Static<typeof SlaveState>

/** What a slave is, as it registers and as it answers when it is discovered. */
export const SlaveCard = Type.Object({
  name: Name,
  boot: Id,
  version: Type.String({ maxLength: 64 }),
  kinds: Type.Array(Name, { maxItems: 1024 }),
  tags: Type.Array(Type.String({ maxLength: 64 }), { maxItems: 64 }),
  slots: Type.Integer({ minimum: 1, maximum: 65_536 }),
})
export type SlaveCard = Static<typeof SlaveCard>

/**
 * `POST /slaves` (slave to master): "ask me at this address", and the master then asks it; or "you
 * cannot reach me, I poll".
 */
export const Registration = Type.Object({
  ...SlaveCard.properties,
  /** Where the master reaches the slave: an http(s) origin. */
  url: Type.Optional(Type.String({ maxLength: 2048 })),
  /** In place of `url`: it polls (see Poll). */
  pull: Type.Optional(Type.Literal(true)),
})
export type Registration = Static<typeof Registration>

/** The master's answer to a registration: how often to beat. */
export const RegistrationReply = Type.Object({
  heartbeatMs: Type.Integer({ minimum: 1 }),
  /** Names the master for as long as it keeps its store: what the slave says in `reportsTo`. */
  master: Type.Optional(Id),
})
export type RegistrationReply = Static<typeof RegistrationReply>

/** A file that a slave fetches before it runs a task. */
export const InputFile = Type.Object({
  /** Plain: no slash, no leading dot. */
  name: Type.String({
    pattern: '^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$',
    wanted: '1 to 128 letters, digits, dots, dashes or underscores, the first one no dot',
  }),
  /** Where: on the master when it begins with "/", else at a peer. */
  url: Type.String({ maxLength: 2048 }),
  bytes: Type.Optional(Count),
  /** In hexadecimal: what comes must have it. */
  sha256: Type.Optional(Sha256),
  /** Shown to a peer, as `Authorization: Bearer`. */
  ticket: Type.Optional(Type.String({ maxLength: 256 })),
})
export type InputFile = Static<typeof InputFile>

/** A file that a task gave. */
export const OutputFile = Type.Object({
  name: InputFile.properties.name,
  bytes: Count,
  sha256: InputFile.properties.sha256,
  /** Its media type. */
  type: Type.Optional(Type.String({ maxLength: 128 })),
  /** Where it is kept, when that is on the slave. */
  url: Type.Optional(Type.String({ maxLength: 2048 })),
})
export type OutputFile = Static<typeof OutputFile>

/** What an offer carries besides when its task is a part of a job. */
export const PartOfJob = {
  job: Type.Optional(Id),
  /** Lets peers fetch this job's files from this slave. */
  ticket: Type.Optional(Type.String({ maxLength: 256 })),
  files: Type.Optional(Type.Array(InputFile, { maxItems: 10_000 })),
  /** Output files become blobs on the master, or partitions kept on the slave. */
  keep: Type.Optional(Type.Union([Type.Literal('master'), Type.Literal('slave')])),
}

/** Which trace a task belongs to (W3C Trace Context). Without it: that of the task's id (trace.ts). */
export const TraceContext = {
  traceparent: Type.Optional(Type.String({ maxLength: 55 })),
  tracestate: Type.Optional(Type.String({ maxLength: 512 })),
}

/** `POST /offers` (master to slave): "are you available for this task?", and the task itself. */
export const Offer = Type.Object({
  attempt: Id,
  task: Id,
  kind: Name,
  input: Type.Unknown(),
  /** Milliseconds that the task may run, counted from its start in an executor. */
  runLimitMs: Type.Integer({ minimum: 1 }),
  ...TraceContext,
  ...PartOfJob,
})
export type Offer = Static<typeof Offer>
export const OffersRequest = Type.Object({
  /** The boot that is meant: another one takes none of them, however late they come. */
  boot: Type.Optional(Id),
  offers: Type.Array(Offer, { minItems: 1 }),
})
export type OffersRequest = Static<typeof OffersRequest>

export const ANSWERS = ['taken', 'busy', 'draining', 'unable', 'unwilling', 'revoked'] as const
/**
 * `taken`: the slave has it. `busy`: no free slot. `draining`: takes nothing new. `unable`: lacks
 * the kind. `unwilling`: its own reason. `revoked`: this attempt was revoked before it came.
 */
export type Answer = (typeof ANSWERS)[number]
export const OfferAnswer = Type.Object({
  attempt: Id,
  answer: words(ANSWERS),
  /** In words for a person, such as "running 1 of 1"; empty for `taken`. */
  reason: Reason,
})
export type OfferAnswer = Static<typeof OfferAnswer>
export const OffersReply = Type.Object({ state: SlaveState, answers: Type.Array(OfferAnswer) })
export type OffersReply = Static<typeof OffersReply>

/** How an attempt ended well: what the kind gave. */
export const Done = Type.Object({
  status: Type.Literal('done'),
  result: Type.Unknown(),
  /** What `result` stands for where JSON alone does not say it, such as `BigNumber`. */
  resultType: Type.Optional(Type.String({ maxLength: 64 })),
  /** `result` as a person would write it. */
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
] as const
/** Why a task failed; master/http/README.md explains each. */
export type FailureType = (typeof FAILURES)[number]
export const Failed = Type.Object({
  status: Type.Literal('failed'),
  /** One of FAILURES; a slave of another version may give others. */
  type: Type.Unsafe<FailureType>(Type.String({ maxLength: 64 })),
  message: Type.String({ maxLength: 4096 }),
  /** With `missing-file`: names of the input files that could not be fetched. */
  missing: Type.Optional(Type.Array(InputFile.properties.name, { maxItems: 10_000 })),
})
export const Outcome = Type.Union([Done, Failed])
export type Outcome = Static<typeof Outcome>

/** `POST /callbacks` (slave to master): outcomes, repeated until they are acknowledged. */
export const Callback = Type.Object({
  attempt: Id,
  task: Id,
  outcome: Outcome,
  /** Milliseconds that it ran in an executor. */
  ranMs: Type.Number({ minimum: 0 }),
  /** As it came with the offer. */
  traceparent: TraceContext.traceparent,
})
export type Callback = Static<typeof Callback>
export const CallbacksRequest = Type.Object({
  state: SlaveState,
  callbacks: Type.Array(Callback, { minItems: 1 }),
})
export type CallbacksRequest = Static<typeof CallbacksRequest>
/** Every attempt named here is settled: the slave forgets it. */
export const CallbacksReply = Type.Object({ acknowledged: Type.Array(Id) })
export type CallbacksReply = Static<typeof CallbacksReply>

/** One attempt that a slave has: running, in its own short line, or ended and in the outbox. */
export const HeldAttempt = Type.Object({
  attempt: Id,
  task: Id,
  status: Type.Union([Type.Literal('waiting'), Type.Literal('running'), Type.Literal('ended')]),
})
export type HeldAttempt = Static<typeof HeldAttempt>

/** `POST /slaves/{name}/heartbeat` (slave to master), every heartbeatMs +-10 %. */
export const Heartbeat = Type.Object({
  state: SlaveState,
  attempts: Type.Array(HeldAttempt),
  /** Jobs whose files it keeps. */
  jobs: Type.Optional(Type.Array(Id, { maxItems: 10_000 })),
})
export type Heartbeat = Static<typeof Heartbeat>
export const HeartbeatReply = Type.Object({
  /** Attempts no longer wanted: the agent kills them. */
  revoke: Type.Array(Id),
  /** The master does not know this boot: register again. */
  register: Type.Boolean(),
  /** Of the jobs that the beat named: those that run no more. Their files are dropped. */
  endedJobs: Type.Optional(Type.Array(Id)),
  /** As in RegistrationReply. */
  master: RegistrationReply.properties.master,
})
export type HeartbeatReply = Static<typeof HeartbeatReply>

/** A master to which a slave sends its heartbeats and outcomes. */
export const ReportsTo = Type.Object({
  /** Its URL, as the slave was told. */
  url: Type.String({ maxLength: 2048 }),
  /** What that master calls itself in its replies; left out until one has come. */
  master: RegistrationReply.properties.master,
})
export type ReportsTo = Static<typeof ReportsTo>

/** `GET /attempts` (master to slave): who are you and what do you hold? */
export const AttemptsReply = Type.Object({
  card: SlaveCard,
  state: SlaveState,
  attempts: Type.Array(HeldAttempt),
  /** A master that is not among these gets no outcome, and offers nothing. Slaves may leave it out. */
  reportsTo: Type.Optional(Type.Array(ReportsTo, { maxItems: 64 })),
})
export type AttemptsReply = Static<typeof AttemptsReply>

/** `POST /attempts/revoke` (master to slave): drop these, and never take them. */
export const RevokeRequest = Type.Object({ attempts: Type.Array(Id, { minItems: 1 }) })
export type RevokeRequest = Static<typeof RevokeRequest>
export const RevokeReply = Type.Object({ state: SlaveState })
export type RevokeReply = Static<typeof RevokeReply>

/** A poll is held at most this long, and so long when it does not say. In seconds. */
export const POLL_SECONDS_MAX = 60
export const POLL_SECONDS = 20

/**
 * `GET /get_task` (slave to master), as its query: "yes to what you have, up to my free slots". A
 * registered slave gives its state. A poll is known by its generation, which grows with every poll and
 * again when that is over; without `polled` the polls before this one are. A simple slave, which
 * neither registers nor beats, gives `kinds` in its place, or nothing at all.
 */
export const Poll = Type.Object({
  slave: Name,
  boot: Type.Optional(Id),
  generation: Type.Optional(Count),
  free: Type.Optional(Count),
  mode: Type.Optional(SlaveState.properties.mode),
  reason: Type.Optional(Reason),
  polled: SlaveState.properties.polled,
  /** Of a simple slave: kinds that it offers, with commas between them. Without it: all without files. */
  kinds: Type.Optional(Type.String({ maxLength: 8192 })),
  wait: Type.Optional(Type.Number({ minimum: 0, maximum: POLL_SECONDS_MAX })),
})
export type Poll = Static<typeof Poll>

/** The same of any slave: a simple one may leave its name to the master. */
export const AnyPoll = Type.Object({ ...Poll.properties, slave: Type.Optional(Name) })
export type AnyPoll = Static<typeof AnyPoll>

/** The answer to a registered slave; to a simple one it is one SimpleOffer. 204: nothing came. */
export const PollReply = Type.Object({
  offers: Type.Array(Offer),
  /** Attempts no longer wanted: the agent kills them. */
  revoke: Type.Array(Id),
})
export type PollReply = Static<typeof PollReply>

export const SimpleOffer = Type.Object({
  ...Offer.properties,
  /** The name that the master gave to a slave that polled without one. */
  slave: Type.Optional(Name),
})
export type SimpleOffer = Static<typeof SimpleOffer>

const submitted = {
  /** Beside `attempt` it must be there. */
  slave: Type.Optional(Name),
  /** May be left out where a simple slave names the task that it has. */
  attempt: Type.Optional(Id),
  /** As in the offer. Without it only an attempt that the slave still holds is found. */
  task: Type.Optional(Id),
  ranMs: Type.Optional(Callback.properties.ranMs),
}
const { status: _done, ...doneFields } = Done.properties
const { status: _failed, ...failedFields } = Failed.properties
/** `POST /submit_result` (slave to master): a CallbacksRequest, or in short one of these two. */
export const SubmittedDone = Type.Object({ ...submitted, ...doneFields })
export const SubmittedFailed = Type.Object({ ...submitted, failure: Type.Object(failedFields) })

/** What a slave asks to be certified: PKCS #10, PEM. Only its key counts. */
const CertificateRequest = Type.String({ maxLength: 8192 })

/** `POST /join` (new slave to master): "I have a token". */
export const JoinRequest = Type.Object({
  token: Type.String({ maxLength: 128 }),
  name: Name,
  request: CertificateRequest,
})
export type JoinRequest = Static<typeof JoinRequest>

/** `POST /renew` (slave to master, by its certificate): before that expires. */
export const RenewRequest = Type.Object({ request: CertificateRequest })
export type RenewRequest = Static<typeof RenewRequest>

/** The answer to both: the certificate as PEM, and how long it is good. */
export const CertificateReply = Type.Object({
  certificate: Type.String({ maxLength: 16_384 }),
  expiresAt: Type.Number(),
  lifeMs: Type.Number({ minimum: 1 }),
})
export type CertificateReply = Static<typeof CertificateReply>

/** `GET /availability` (anybody to slave). Changes nothing. */
export const Availability = Type.Object({
  available: Type.Boolean(),
  message: Type.String(),
  ...SlaveState.properties,
})
export type Availability = Static<typeof Availability>
