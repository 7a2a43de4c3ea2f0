// Metrics of the master: counters and figures of the core, the last reports of the slaves,
// and durations of commits. The dashboard and alerts in deploy/monitoring use these names.

import type { Family } from '../../shared/data/histogram.ts'
import type { ClockSteps } from '../../shared/process/clock-watch.ts'
import { SLAVE_STATES } from '../../shared/protocol/api/slaves.ts'
import type { ProblemType } from '../../shared/protocol/problems.ts'
import { ANSWERS } from '../../shared/protocol/wire.ts'
import type { ByWord } from '../../shared/telemetry/metrics.ts'
import { addClockSteps, createMetrics } from '../../shared/telemetry/metrics.ts'
import { knownReason } from '../core/known-reason.ts'
import { waitingUnoffered } from '../core/queue.ts'
import { isElsewhere, isFaulty, isFree } from '../core/registry.ts'
import type { EndStatus, Slave } from '../core/state.ts'
import type { Dispatcher } from '../dispatch/dispatcher.ts'
import type { TaskReader } from '../dispatch/task-reader.ts'

const ENDS: EndStatus[] = ['done', 'failed', 'cancelled', 'expired']
const REFUSALS: readonly ProblemType[] = [
  'at-capacity',
  'no-slaves',
  'no-capable-slave',
  'queue-full',
  'draining',
  'slave-silent',
  'store-full',
]
const SLOT_STATES = [
  'free',
  'offered',
  'taken',
  'draining',
  'unwilling',
  'faulty',
  'elsewhere',
  'suspect',
  'silent',
]

/** `GET /metrics`, as text. */
export function createMasterMetrics(given: {
  dispatcher: Dispatcher
  reader: TaskReader
  spans: () => { sent: number; dropped: number }
  clockSteps: Readonly<ClockSteps>
}) {
  const { dispatcher, reader, clockSteps } = given
  const { view, commits } = dispatcher
  const { counters, figures } = view
  const metrics = createMetrics()
  const { gauge, gauges, counter, histogram } = metrics
  const seconds = (name: string, help: string, label: string, read: () => Family): void =>
    metrics.histograms(name, help, 1000, label, read)

  counter('askfirst_tasks_accepted_total', 'Accepted tasks.', () => counters.accepted)
  metrics.counters('askfirst_tasks_ended_total', 'Ended tasks by status.', 'status', () =>
    zeros(ENDS, counters.ended),
  )
  metrics.counters(
    'askfirst_tasks_failed_total',
    'Failed tasks by type of failure.',
    'type',
    () => ({
      ...figures.failed,
    }),
  )
  metrics.counters('askfirst_refusals_total', 'Refused tasks by problem.', 'problem', () =>
    zeros(REFUSALS, counters.refused),
  )
  counter('askfirst_asks_total', 'Offers sent to slaves.', () => counters.asks)
  metrics.counters('askfirst_answers_total', 'Answers of slaves to offers.', 'answer', () =>
    zeros(ANSWERS, counters.answers),
  )
  counter(
    'askfirst_attempts_lost_total',
    'Attempts that ended without an outcome because their slave was lost or no longer held them.',
    () => counters.attemptsLost,
  )
  metrics.counters(
    'askfirst_callbacks_ignored_total',
    'Outcomes that had no effect, by reason.',
    'why',
    () => ({
      unattached: counters.callbacksUnattached,
      stale: counters.callbacksStale,
      forged: counters.callbacksForged,
    }),
  )
  metrics.counters(
    'askfirst_attempts_unknown_total',
    'Attempts on slaves that belong to no task in the store, by origin.',
    'of',
    () => ({ ...dispatcher.unknownAttempts }),
  )

  seconds(
    'askfirst_ask_seconds',
    'Time from an offer to its answer.',
    'answer',
    () => figures.askMs,
  )
  seconds(
    'askfirst_task_wait_seconds',
    'Time from the request until a slave accepted the task.',
    'kind',
    () => figures.waitMs,
  )
  seconds(
    'askfirst_task_run_seconds',
    'Run time of one attempt in an executor.',
    'kind',
    () => figures.runMs,
  )
  histogram(
    'askfirst_asks_per_task',
    'Slaves asked until one accepted the task or it was refused.',
    1,
    () => figures.asksPerTask,
  )
  histogram(
    'askfirst_retry_after_error_seconds',
    'Retry-After minus the actual time until a slot was free; negative: too early.',
    1000,
    () => figures.retryAfterErrorMs,
  )
  histogram(
    'askfirst_store_commit_seconds',
    'Duration of a commit of the store.',
    1000,
    () => commits.ms,
  )
  histogram('askfirst_store_commit_tasks', 'Tasks per commit.', 1, () => commits.tasks)

  gauge('askfirst_tasks_running', 'Running tasks.', () => view.running)
  gauge(
    'askfirst_tasks_waiting',
    'Queued tasks, including those that pause before a retry.',
    () => view.waiting,
  )
  gauge('askfirst_tasks_waiting_unoffered', 'Queued tasks whose kind no live slave offers.', () =>
    waitingUnoffered(view),
  )
  gauges('askfirst_tasks_stored', 'Stored tasks by status.', 'status', () => reader.counts())
  gauges('askfirst_slaves', 'Slaves by state.', 'state', () => slavesByState(view.registry.all()))
  gauges('askfirst_slots', 'Slots by state.', 'state', () => slotsByState(view.registry.all()))
  gauge('askfirst_accepting', '1 while the master accepts tasks, 0 while it shuts down.', () =>
    dispatcher.isDraining ? 0 : 1,
  )
  addClockSteps(metrics, 'askfirst', clockSteps)
  metrics.counters(
    'askfirst_spans_total',
    'Spans for the trace collector, by outcome.',
    'outcome',
    () => ({
      ...given.spans(),
    }),
  )
  return metrics
}

/** Includes zeros, which a rate needs. */
const zeros = (words: readonly string[], counted: ByWord): ByWord => ({
  ...Object.fromEntries(words.map((word) => [word, 0])),
  ...counted,
})

/** A drained slave counts as draining even when it is silent. */
const stateOf = (slave: Slave): string =>
  isFree(slave) ? 'free' : slave.drained ? 'draining' : knownReason(slave).event

function slavesByState(slaves: Slave[]): ByWord {
  const states = zeros(SLAVE_STATES, {})
  for (const slave of slaves) add(states, stateOf(slave), 1)
  return states
}

/** All free slots of a slave that gets no offers count with its state. */
function slotsByState(slaves: Slave[]): ByWord {
  const states = zeros(SLOT_STATES, {})
  for (const slave of slaves) {
    const { slots, free, offers, standing } = slave
    if (standing !== 'alive') {
      add(states, slave.drained ? 'draining' : standing, slots)
      continue
    }
    const offered = Math.min(offers.size, free)
    add(states, 'taken', slots - free)
    add(states, 'offered', offered)
    add(states, openAs(slave), free - offered)
  }
  return states
}

/** The state of its free slots. */
function openAs(slave: Slave): string {
  if (isElsewhere(slave)) return 'elsewhere'
  if (slave.drained) return 'draining'
  if (isFaulty(slave)) return 'faulty'
  return slave.mode === 'accepting' ? 'free' : slave.mode
}

function add(states: ByWord, state: string, more: number): void {
  states[state] = (states[state] ?? 0) + more
}
