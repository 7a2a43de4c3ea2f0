// What goes into the core and what comes out: the whole conversation between it and its shell.
// A `token` is the shell's own, handed back untouched with the answer that it waits for.

import type { WallTime } from '../../shared/data/clock.ts'
import type { Problem, ProblemType } from '../../shared/protocol/problems.ts'
import type {
  AttemptsReply,
  Callback,
  CallbacksReply,
  Heartbeat,
  HeartbeatReply,
  OfferAnswer,
  Registration,
  RegistrationReply,
  SlaveState,
} from '../../shared/protocol/wire.ts'
import type { Polled, Submitted } from './polling.ts'
import type { NewTask, Task, TrailEntry } from './task.ts'

export type Token = unknown

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
   * The client no longer waits (the master shuts down, or it hung up). `unclaimed`: it hung up before
   * it was told of the task, which nobody else can know.
   */
  | { is: 'stop-waiting'; task: string; unclaimed?: boolean }
  /** The master shuts down: who is not accepted by now hears that. */
  | { is: 'draining' }
  /** Tasks that could not be saved: they were never accepted. */
  | { is: 'not-saved'; tasks: Task[] }
  | { is: 'answers'; slave: string; state: SlaveState; answers: OfferAnswer[] }
  /** No answer to these offers. `delivered: false`: they cannot have reached the slave. */
  | {
      is: 'no-answer'
      slave: string
      attempts: string[]
      delivered: boolean
      reason: string
      /** It is there, and takes none of this: too large, or not what it expects. */
      refused?: boolean
      /** They were never sent, for a reason that is not the slave's. */
      unsent?: boolean
    }
  | { is: 'callbacks'; state: SlaveState; callbacks: Callback[]; token: Token }
  | { is: 'heartbeat'; heartbeat: Heartbeat; token: Token }
  | Registering
  /** What a slave said when asked who it is and what it holds; or that it did not. */
  | Visited
  | { is: 'not-reached'; name: string; url: string; reason: string; token: Token }
  /** It will never take these: the answer to a revoke. Or it did not answer. */
  | { is: 'revoked'; slave: string; attempts: string[]; state: SlaveState }
  | { is: 'not-revoked'; slave: string; attempts: string[] }
  /** A slave polls. `poll` is a token: it comes back with what is for the slave. */
  | { is: 'poll'; said: Polled; poll: Token }
  /** The poll was answered with these attempts. */
  | { is: 'handed'; slave: string; poll: Token; attempts: string[] }
  /** No poll followed this one; or the slave hung up. */
  | { is: 'poll-gone'; slave: string; poll: Token; hungUp: boolean }
  | { is: 'submitted'; said: Submitted; token: Token }
  | { is: 'leave'; name: string; boot: string; token: Token }
  | { is: 'drain'; name: string; drained: boolean; token: Token }
  /** A deadline is due; `lateMs` ago: the master itself was held up for so long. */
  | { is: 'tick'; lateMs: number }
  /** The wall clock jumped by so much: it was set, or the machine was suspended. */
  | { is: 'clock-stepped'; byMs: number }

/** `again`: see the effect `repeat`. */
export type Registering = {
  is: 'registration'
  registration: Registration
  token: Token
  again?: boolean
}
export type Visited = {
  is: 'visited'
  name: string
  url: string
  said: AttemptsReply
  token: Token
  again?: boolean
}

export type StoredSlave = { name: string; url: string; position: number; drained: boolean }

/** An attempt whose task is not live. */
export type Unattached = { attempt: string; task: string }

export type Effect =
  /** The task is new or has changed: in the next commit. Everything after it waits for that. */
  | { do: 'save'; task: Task }
  /** Promised: the client may be told. */
  | { do: 'accept'; task: Task }
  | { do: 'refuse'; task: Task; problem: Problem }
  /** The outcome is decided: whoever waits for it may be told. */
  | { do: 'end'; task: Task }
  /** Ask at `url`. A `poll` that is not null is the yes already, and brings the offer, or its next. */
  | {
      do: 'offer'
      slave: string
      url: string
      boot: string
      task: Task
      attempt: string
      poll: Token
    }
  /** Once all that came before is saved: a crash may undo the end that is the reason for it. */
  | { do: 'revoke'; slave: string; url: string; attempts: string[] }
  /** At once: the task could not be saved, and was never promised. */
  | { do: 'revoke-now'; slave: string; url: string; attempts: string[] }
  | { do: 'revoke-by-poll'; poll: Token; attempts: string[] }
  /** The poll of this slave from now on, in place of the one `before`, or null. */
  | { do: 'open-poll'; poll: Token; before: Token; slave: string }
  /** Answers a poll with nothing, or with a problem. */
  | { do: 'end-poll'; poll: Token; problem: Problem | null }
  /** Ask a slave who it is and what it holds. */
  | { do: 'visit'; name: string; url: string; token: Token }
  | { do: 'save-slave'; slave: StoredSlave }
  /** A slave offers a kind that was not known: it stays known. */
  | { do: 'save-kind'; kind: string }
  /** This input once more, with `again`, after all that came before is saved. */
  | { do: 'repeat'; input: Registering | Visited }
  | { do: 'drop-slave'; name: string }
  /** A slave holds, or hands in, attempts of tasks that are not live: ended ones, or unknown ones. */
  | { do: 'unattached'; slave: string; attempts: Unattached[] }
  | { do: 'acknowledge'; token: Token; reply: CallbacksReply }
  /** At once when it revokes nothing; else what is revoked may be so because of an unsaved end. */
  | { do: 'answer-heartbeat'; token: Token; reply: HeartbeatReply }
  /** At once: a slave is saved before it is heard. */
  | { do: 'answer-registration'; token: Token; reply: RegistrationReply }
  | { do: 'answer'; token: Token }
  | { do: 'answer-problem'; token: Token; type: ProblemType; detail: string }
