// The master's core makes all decisions and does no I/O. An input goes in with the time, and
// effects come out; the shell (dispatch/effects.ts) saves, sends and answers. It holds ids, counts and
// times, never payloads, and uses only the clock and the random source that it is given.

import type { Monotonic, WallTime } from '../../shared/data/clock.ts'
import { LONG_AGO, NEVER, wallTime } from '../../shared/data/clock.ts'
import { createHeap } from '../../shared/data/heap.ts'
import type { Random } from '../../shared/data/random.ts'
import type { SlaveState } from '../../shared/protocol/wire.ts'
import { inOrder } from '../policies/in-order.ts'
import type { Policy } from '../policies/policy.ts'
import {
  endUnclaimed,
  refuse,
  refuseWaiting,
  seek,
  takeAnswers,
  takeSilence,
  unsureTasks,
} from './asking.ts'
import { end, revoke, takeCallbacks } from './attempts.ts'
import type { AttemptIds, Context, CoreSettings } from './context.ts'
import { addTask, dropTask } from './live-tasks.ts'
import { check, forgive, takeHeartbeat, takeNotReached, takeVisit } from './liveness.ts'
import { createFigures } from './measurements.ts'
import type { Effect, Input, Refusable, Waiting } from './messages.ts'
import { takeGone, takeHanded, takePoll, takeSubmitted } from './polling.ts'
import { enterLine, leaveLine } from './queue.ts'
import { refuseInDoubt } from './refusal.ts'
import { closePoll, saveSlave, takeLeave, takeRegistration } from './registration.ts'
import { createRegistry } from './registry.ts'
import { endGrace, restore, takeClockStep } from './restore.ts'
import { createRunTimes } from './run-times.ts'
import { serveLines } from './serve-lines.ts'
import type { Due, NewTask, Slave, Task } from './state.ts'
import { waitNoMore } from './task.ts'

export type Core = ReturnType<typeof createCore>

export function createCore(given: {
  settings: CoreSettings
  policy: Policy
  ids: AttemptIds
  random: Random
}) {
  const core: Context = {
    ...given,
    inOrder: given.policy === inOrder && given.settings.ask === 'known',
    registry: createRegistry(given.settings.ask),
    live: new Map(),
    unsure: new Set(),
    lines: new Map(),
    entered: new Set(),
    dueTasks: createHeap<Due>((a, b) => a.at < b.at),
    dueSlaves: createHeap<Slave>((a, b) => a.dueAt < b.dueAt),
    runTimes: createRunTimes(),
    counters: {
      accepted: 0,
      asks: 0,
      answers: {},
      refused: {},
      ended: {},
      attemptsLost: 0,
      callbacksUnattached: 0,
      callbacksStale: 0,
      callbacksForged: 0,
    },
    figures: createFigures(),
    waiting: 0,
    running: 0,
    tasksSoFar: 0,
    restored: 0,
    graceUntil: LONG_AGO,
    unaskedFrom: 0,
    wall: wallTime(0),
    draining: false,
    effects: [],
  }

  return {
    /**
     * Handles one input at the instant `now`, which never goes back, and returns the effects in
     * order. Decisions use `now`; `wall` is only recorded.
     */
    step(input: Input, now: Monotonic, wall: WallTime): Effect[] {
      core.wall = wall
      take(core, input, now)
      for (const kind of core.registry.takeUnsaved()) core.effects.push({ do: 'save-kind', kind })
      serveLines(core, now)
      const { effects } = core
      core.effects = []
      return effects
    },

    /** The latest time for the next `tick`; Infinity when nothing is due. */
    deadline(): Monotonic {
      const task = core.dueTasks.peek()?.at ?? NEVER
      const slave = core.dueSlaves.peek()?.dueAt ?? NEVER
      return task < slave ? task : slave
    },

    /** To read, not to change. */
    view: core as Readonly<Context>,
  }
}

function take(core: Context, input: Input, now: Monotonic): void {
  switch (input.is) {
    case 'submit':
      return submit(core, input.task, now)
    case 'answers':
      return takeAnswers(core, input.slave, input.state, input.answers, now)
    case 'callbacks':
      return takeCallbacks(core, input, input.token, now)
    case 'heartbeat':
      takeHeartbeat(core, input.heartbeat, input.token, now)
      return endGrace(core, now)
    case 'no-answer':
      return takeSilence(core, input, now)
    case 'registration':
      return takeRegistration(core, input, now)
    case 'visited':
      takeVisit(core, input, now)
      return endGrace(core, now)
    case 'not-reached':
      takeNotReached(core, input.name, input.url, input.token, now)
      return endGrace(core, now)
    case 'revoked':
      return takeRevoked(core, input.slave, input.attempts, input.state, now)
    case 'not-revoked':
      return
    case 'cancel':
      return cancel(core, input.task)
    case 'stop-waiting':
      return stopWaiting(core, input.task, input.unclaimed === true, now)
    case 'draining':
      core.draining = true
      return
    case 'not-saved':
      return input.tasks.forEach((task) => {
        takeBack(core, task)
      })
    case 'poll':
      takePoll(core, input.said, input.poll, now)
      return endGrace(core, now)
    case 'handed':
      return takeHanded(core, input.slave, input.poll, input.attempts, now)
    case 'poll-gone':
      return takeGone(core, input.slave, input.poll, input.hungUp, now)
    case 'submitted':
      return takeSubmitted(core, input.said, input.token, now)
    case 'leave':
      return leave(core, input.name, input.boot, input.token, now)
    case 'drain':
      return drain(core, input.name, input.drained, input.token)
    case 'restore':
      core.registry.know(input.kinds ?? [])
      return restore(core, input.tasks, input.slaves, now)
    case 'clock-stepped':
      return takeClockStep(core, input.byMs, now)
    case 'tick':
      return tick(core, input.lateMs, now)
  }
}

function submit(core: Context, given: NewTask, now: Monotonic): void {
  const task = addTask(core, given, now)
  seek(core, task, now)
}

/** Does all that is due. */
function tick(core: Context, lateMs: number, now: Monotonic): void {
  if (lateMs > core.settings.heartbeatMs) forgive(core, lateMs)
  for (let slave = core.dueSlaves.peek(); slave && slave.dueAt <= now; ) {
    check(core, slave, now)
    slave = core.dueSlaves.peek()
  }
  for (let due = core.dueTasks.peek(); due && due.at <= now; due = core.dueTasks.peek()) {
    taskIsDue(core, due.task, now)
  }
}

function taskIsDue(core: Context, task: Task, now: Monotonic): void {
  const patienceIsOver = task.waitUntil !== null && task.waitUntil <= now
  if (task.stage.is === 'doubt') {
    leaveLine(core, task)
    refuseInDoubt(core, task)
  } else if (patienceIsOver && task.accepted) {
    end(core, task, 'expired', null)
  } else if (patienceIsOver) {
    refuseWaiting(core, task, now)
  } else {
    leaveLine(core, task)
    enterLine(core, task, now)
  }
}

/** A slave dropped attempts: they do not run, and their slots are free. */
function takeRevoked(
  core: Context,
  name: string,
  attempts: string[],
  state: SlaveState,
  now: Monotonic,
): void {
  const slave = core.registry.byName.get(name)
  if (slave) core.registry.hear(slave, state, now)
  for (const task of unsureTasks(core)) {
    if (!task.unsure) continue
    for (const attempt of attempts) {
      if (slave && task.unsure.get(attempt) === slave) task.unsure.delete(attempt)
    }
    if (task.unsure.size > 0) continue
    task.unsure = null
    if (task.stage.is !== 'doubt') continue
    leaveLine(core, task)
    refuse(core, task, now)
  }
}

function cancel(core: Context, id: string): void {
  const task = core.live.get(id)
  if (task?.accepted) end(core, task, 'cancelled', null)
}

/** Tasks that no client knows of are not queued. Running ones continue: they may be half done. */
function stopWaiting(core: Context, id: string, unclaimed: boolean, now: Monotonic): void {
  const task = core.live.get(id)
  if (!task || (task.accepted && !unclaimed)) return
  task.unclaimed = unclaimed
  if (!task.accepted) waitNoMore(task)
  if (task.stage.is !== 'waiting' && task.stage.is !== 'resting') return
  if (task.accepted) endUnclaimed(core, task)
  else refuseWaiting(core, task, now)
}

/** It was never accepted: no client knows it, and no slave shall run it. */
function takeBack(core: Context, task: Task): void {
  const { stage } = task
  leaveLine(core, task)
  if (stage.is === 'running') core.running--
  if (stage.is === 'running' || stage.is === 'asking') {
    stage.slave.held.delete(stage.attempt)
    revoke(core, stage.slave, [stage.attempt], 'revoke-now')
  }
  task.stage = { is: 'refused' }
  dropTask(core, task)
}

function leave(
  core: Context,
  name: string,
  boot: string,
  token: Waiting<void>,
  now: Monotonic,
): void {
  const slave = core.registry.byName.get(name)
  if (boot === '' && slave?.standing === 'alive') {
    const detail = `${name} is alive and would register again at once: stop it or drain it`
    return void core.effects.push({ do: 'answer-problem', token, type: 'slave-alive', detail })
  }
  if (takeLeave(core, name, boot, now)) core.effects.push({ do: 'answer', token })
  else noSuchSlave(core, name, token)
}

function drain(core: Context, name: string, drained: boolean, token: Waiting<void>): void {
  const slave = core.registry.byName.get(name)
  if (!slave) return noSuchSlave(core, name, token)
  core.registry.setDrained(slave, drained)
  // Offers that wait for its next poll were not sent: their tasks are offered to other slaves.
  if (drained) closePoll(core, slave)
  saveSlave(core, slave)
  core.effects.push({ do: 'answer', token })
}

function noSuchSlave(core: Context, name: string, token: Refusable): void {
  const detail = `no slave named "${name}" is registered`
  core.effects.push({ do: 'answer-problem', token, type: 'no-such-slave', detail })
}
