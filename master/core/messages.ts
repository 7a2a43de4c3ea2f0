// Inputs and effects of the core: all messages between the core and its shell.
//
// An effect's type says when the shell may perform it: at once, by storing it with the next commit, or
// after that commit. What must be durable before a client or a slave is answered is of the last type, and
// answering takes a proof (Committed). Answering before saving does not compile.
//
// A `token` is a request that waits for its reply. The core returns it with the reply.

import type { WallTime } from '../../shared/data/clock.ts'
import type { Problem, ProblemType } from '../../shared/protocol/problems.ts'
import type {
  AttemptsReply,
  Callback,
  CallbacksReply,
  Heartbeat,
  HeartbeatReply,
  OfferAnswer,
  Outcome,
  Registration,
  RegistrationReply,
  SlaveState,
} from '../../shared/protocol/wire.ts'
import type { Address, PollId, Route } from './reach.ts'
import type { NewTask, Task } from './state.ts'
import type { TrailEntry } from './trail.ts'

/**
 * Proof that a commit has ended, and with it everything that it was to save. Only the group commit
 * (dispatch/group-commit.ts) makes one. A class, as only a class is a type that nothing else fits.
 */
export class Committed {
  declare protected readonly proof: true
}

/** A request that waits for its reply, which may be sent when everything decided before it is saved. */
export type Waiting<Reply> = Refusable & { resolve: (reply: Reply, committed: Committed) => void }
export type Refusable = { reject: (problem: Problem, committed: Committed) => void }

/** A slave that registers: it is saved before it is accepted, so the reply need not wait again. */
export type Registrant = Refusable & { resolve: (reply: RegistrationReply) => void }

/** A heartbeat. Only a reply that revokes something waits: a crash may undo the end that is its reason. */
export type WaitingHeartbeat = {
  resolve: ((reply: NothingRevoked) => void) &
    ((reply: HeartbeatReply, committed: Committed) => void)
}
export type NothingRevoked = HeartbeatReply & { revoke: [] }

/** Content of a poll: the state of a registered slave, or the kinds of a simple one. */
export type Polled =
  | { simple: false; state: Omit<SlaveState, 'slots'> }
  /** Without a name (null) the core gives it one. */
  | { simple: true; slave: string | null; kinds: string[] }

/**
 * An outcome in short. By its attempt: without `task` only one that the slave still holds is found. By
 * its task alone: only the attempt that a simple slave holds now is found, that of `slave` where known.
 */
export type Submitted = { outcome: Outcome; ranMs?: number } & (
  | { by: 'attempt'; slave: string; attempt: string; task?: string }
  | { by: 'task'; slave: string | null; task: string }
)

/** A live task as it was stored, given back after a start of the master. */
export type StoredTask = Omit<NewTask, 'waitUntil'> & {
  running: { slave: string; attempt: string; startedAt: WallTime } | null
  tries: number
  trail: TrailEntry[]
}

export type Input =
  /** After a start: what the store holds, and the slaves that the settings name. */
  | { is: 'restore'; tasks: StoredTask[]; slaves: StoredSlave[]; kinds?: string[] }
  | { is: 'submit'; task: NewTask }
  | { is: 'cancel'; task: string }
  /**
   * The client no longer waits (the master shuts down, or the client disconnected). `unclaimed`: it disconnected before
   * it was told of the task, which nobody else can know.
   */
  | { is: 'stop-waiting'; task: string; unclaimed?: boolean }
  /** The master shuts down: requests that are not accepted yet are refused. */
  | { is: 'draining' }
  /** Tasks that could not be saved: they were never accepted. */
  | { is: 'not-saved'; tasks: Task[] }
  | { is: 'answers'; slave: string; state: SlaveState; answers: OfferAnswer[] }
  /** No answer to these offers. */
  | { is: 'no-answer'; slave: string; attempts: string[]; how: Unanswered; reason: string }
  | { is: 'callbacks'; state: SlaveState; callbacks: Callback[]; token: Waiting<CallbacksReply> }
  | { is: 'heartbeat'; heartbeat: Heartbeat; token: WaitingHeartbeat }
  | Registering
  /** The answer of a slave to a probe, or that it gave none. */
  | Visited
  | {
      is: 'not-reached'
      name: string
      url: string
      reason: string
      token: Registrant | null
    }
  /** The answer to a revocation: the slave will not accept these. Or it did not answer. */
  | { is: 'revoked'; slave: string; attempts: string[]; state: SlaveState }
  | { is: 'not-revoked'; slave: string; attempts: string[] }
  /** A slave polls. */
  | { is: 'poll'; said: Polled; poll: PollId }
  /** The poll was answered with these attempts. */
  | { is: 'handed'; slave: string; poll: PollId; attempts: string[] }
  /** No poll followed this one, or the slave disconnected. */
  | { is: 'poll-gone'; slave: string; poll: PollId; hungUp: boolean }
  | { is: 'submitted'; said: Submitted; token: Waiting<CallbacksReply> }
  | { is: 'leave'; name: string; boot: string; token: Waiting<void> }
  | { is: 'drain'; name: string; drained: boolean; token: Waiting<void> }
  /** A deadline is due since `lateMs`: the master itself was suspended for that time. */
  | { is: 'tick'; lateMs: number }
  /** The wall clock jumped: it was set, or the machine was suspended. */
  | { is: 'clock-stepped'; byMs: number }

/**
 * `silent`: the slave may have them. `undelivered`: it cannot have them. `declined`: it answered and accepts
 * none of them: too large, or not as expected. `unsent`: they were not sent, which says nothing about how
 * it answers.
 */
export type Unanswered = 'silent' | 'undelivered' | 'declined' | 'unsent'

/** `again`: see the effect `repeat`. */
export type Registering = {
  is: 'registration'
  registration: Registration
  token: Registrant
  again?: boolean
}
export type Visited = {
  is: 'visited'
  name: string
  url: string
  said: AttemptsReply
  /** Null for a probe without a registration. */
  token: Registrant | null
  again?: boolean
}

export type StoredSlave = { name: string; address: Address; position: number; drained: boolean }

/** An attempt whose task is not live. */
export type Unattached = { attempt: string; task: string }

/** What the core wants done, in order. */
export type Effect = Immediate | Save | AfterCommit

/** Performed at once: it reveals nothing that a crash could undo. */
export type Immediate =
  /** Nothing was stored, and nothing runs. */
  | { do: 'refuse'; task: Task; problem: Problem }
  /** A question and the assignment in one. A slave that polls has accepted it already. */
  | { do: 'offer'; slave: string; route: Route; boot: string; task: Task; attempt: string }
  /** The task could not be saved and was never accepted. */
  | { do: 'revoke-now'; slave: string; route: Route; attempts: string[] }
  /** The new poll of this slave, replacing the poll `before`, or null. */
  | { do: 'open-poll'; poll: PollId; before: PollId | null; slave: string }
  /** The core has dropped this poll: if it is open, it is answered empty or with the problem. */
  | { do: 'end-poll'; poll: PollId; problem: Problem | null }
  /** Probes a slave. */
  | { do: 'visit'; name: string; url: string; token: Registrant | null }
  /** A slave holds or delivers attempts of tasks that are not live: ended or unknown ones. */
  | { do: 'unattached'; slave: string; attempts: Unattached[] }
  | { do: 'answer-heartbeat'; token: WaitingHeartbeat; reply: NothingRevoked }
  | { do: 'answer-registration'; token: Registrant; reply: RegistrationReply }

/** Stored with the next commit. */
export type Save =
  /** The task is new or has changed. */
  | { do: 'save'; task: Task }
  | { do: 'save-slave'; slave: StoredSlave }
  /** A slave offers a new kind: it stays known. */
  | { do: 'save-kind'; kind: string }
  | { do: 'drop-slave'; name: string }

/** Performed when everything before it is saved; at once when nothing is unsaved. */
export type AfterCommit =
  /** Accepted: the client may be answered. */
  | { do: 'accept'; task: Task }
  /** The outcome is final: waiting clients may be answered. */
  | { do: 'end'; task: Task }
  /** A crash may undo the end that is the reason for it. */
  | { do: 'revoke'; slave: string; route: Route; attempts: string[] }
  | { do: 'revoke-by-heartbeat'; token: WaitingHeartbeat; reply: HeartbeatReply }
  /** Repeats this input, with `again`. */
  | { do: 'repeat'; input: Registering | Visited }
  | { do: 'acknowledge'; token: Waiting<CallbacksReply>; reply: CallbacksReply }
  | { do: 'answer'; token: Waiting<void> }
  | { do: 'answer-problem'; token: Refusable; type: ProblemType; detail: string }
