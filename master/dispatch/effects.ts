// Performs the effects of the core: at once, with the next commit, or after it. What is done after a commit
// takes the proof of that commit (Committed).

import type { Clock } from '../../shared/data/clock.ts'
import { Problem } from '../../shared/protocol/problems.ts'
import { handedOn } from '../../shared/protocol/trace.ts'
import type { Core } from '../core/core.ts'
import type { TaskEvent } from '../core/events.ts'
import { taskEvent } from '../core/events.ts'
import type { AfterCommit, Committed, Effect, Input } from '../core/messages.ts'
import { routeTo } from '../core/reach.ts'
import type { Task } from '../core/state.ts'
import { hasEnded } from '../core/task.ts'
import { channelsOf } from './channel.ts'
import type { GroupCommit, TaskChanged } from './group-commit.ts'
import type { PendingRequests } from './pending-requests.ts'
import type { PollChannels } from './poll-channel.ts'
import type { PushChannels } from './push-channel.ts'
import type { Refusals } from './refusals.ts'
import { rowOf } from './slave-records.ts'
import type { TaskPayloads } from './task-payloads.ts'
import type { UnknownAttempts } from './unknown-attempts.ts'

export function createEffects(given: {
  core: Core
  clock: Clock
  commit: GroupCommit
  payloads: TaskPayloads
  requests: PendingRequests
  refusals: Refusals
  unknown: UnknownAttempts
  push: PushChannels
  polls: PollChannels
  post: (input: Input) => void
  /** Hears of every task that has ended, with the trace that its client sent. */
  onOver: ((task: Task, trace: string | null, problem: null) => void) | undefined
  onEvent: (event: TaskEvent) => void
}) {
  const { core, clock, commit, payloads, requests, refusals, unknown, push, polls, post } = given
  const channelTo = channelsOf(push, polls)

  return { perform, performSaved }

  /** Performs what may be done at once, and leaves the rest to the group commit. */
  function perform(effect: Effect): void {
    switch (effect.do) {
      case 'save':
        return save(effect.task)
      case 'save-slave':
        return commit.change({ do: 'put-slave', slave: rowOf(effect.slave) })
      case 'save-kind':
        return commit.change({ do: 'put-kind', kind: effect.kind })
      case 'drop-slave':
        return commit.change({ do: 'drop-slave', name: effect.name })
      case 'unattached':
        return unknown.look(effect.slave, effect.attempts)
      case 'offer':
        return offer(effect)
      case 'revoke-now':
        return revoke(effect)
      case 'open-poll':
        return polls.take(effect.poll, effect.before, effect.slave)
      case 'end-poll':
        return polls.end(effect.poll, effect.problem)
      case 'visit':
        return push.visit(effect.name, effect.url, effect.token)
      case 'answer-heartbeat':
        return effect.token.resolve(effect.reply)
      case 'answer-registration':
        return effect.token.resolve(effect.reply)
      case 'refuse':
        return refusals.refuse(effect.task, effect.problem)
      default:
        return commit.after(effect)
    }
  }

  /** Performs what had to wait until everything before it was saved. */
  function performSaved(effect: AfterCommit | TaskChanged, committed: Committed): void {
    switch (effect.do) {
      case 'task-changed':
        return given.onEvent(effect.event)
      case 'repeat':
        return post(effect.input)
      case 'accept':
        core.view.counters.accepted++
        return requests.accept(effect.task, committed)
      case 'end':
        return end(effect.task, committed)
      case 'revoke':
        return revoke(effect)
      case 'acknowledge':
        return effect.token.resolve(effect.reply, committed)
      case 'revoke-by-heartbeat':
        return effect.token.resolve(effect.reply, committed)
      case 'answer':
        return effect.token.resolve(undefined, committed)
      case 'answer-problem':
        return effect.token.reject(new Problem(effect.type, effect.detail), committed)
    }
  }

  function save(task: Task): void {
    commit.task(task)
    // The end of a task has an effect of its own.
    if (hasEnded(task)) requests.ending(task)
    else commit.after({ do: 'task-changed', task, event: taskEvent(task, clock.wall()) })
  }

  function offer({ slave, route, boot, task, attempt }: Effect & { do: 'offer' }): void {
    const { id, kind, runLimitMs } = task
    const channel = channelTo(slave, route)
    channel.expect()
    payloads.read(id, (payload) => {
      if (payload !== undefined) {
        const trace = traceFor(id)
        const { input, work } = payload
        return channel.offer({ boot, attempt, task: id, kind, runLimitMs, input, work, trace })
      }
      channel.offer(null)
      const reason = 'the input of the task is not in the store'
      post({ is: 'no-answer', slave, attempts: [attempt], how: 'unsent', reason })
    })
  }

  /** The slave may have polled again since the core decided it: its newest poll counts. */
  function revoke({ slave, route, attempts }: Effect & { do: 'revoke' | 'revoke-now' }): void {
    const known = core.view.registry.byName.get(slave)
    channelTo(slave, (known && routeTo(known)) ?? route).revoke(attempts)
  }

  /** The trace that an offer carries; null when the client gave none. */
  function traceFor(id: string): string | null {
    const said = payloads.traceOf(id)
    return said === null ? null : handedOn(id, said)
  }

  function end(task: Task, committed: Committed): void {
    given.onEvent(taskEvent(task, clock.wall()))
    given.onOver?.(task, payloads.traceOf(task.id), null)
    payloads.ended(task.id)
    requests.end(task, committed)
  }
}
