// Log lines for the events of tasks and jobs, one per decision, each with its trace.
// Changes of slaves are logged by slave-watch.ts, refusals by the dispatcher. Used only
// when the log level asks for it: at thousands of tasks per second these lines are most of the work.

import type { Logger } from '../../shared/process/log.ts'
import { traceIdOf } from '../../shared/protocol/trace.ts'
import type { Event } from '../core/events.ts'

/** `traceOf` gives the trace of a live task where its client said one. */
export const eventLog =
  (log: Logger, traceOf: (task: string) => string | null) =>
  (event: Event): void => {
    if (event.type === 'task') {
      const { task, kind, status, slave, reason, tries } = event
      const traceId = traceIdOf(task, traceOf(task))
      const why = reason === '' ? {} : { reason }
      log.debug({ task, traceId, kind, status, slave, tries, ...why }, event.event)
    } else if (event.type === 'job') {
      const { job, kind, status, stage, done, total } = event
      log.debug({ job, kind, status, stage, done, total }, 'job')
    }
  }
