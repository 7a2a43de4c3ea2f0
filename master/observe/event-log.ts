// What befalls tasks and jobs as log lines, one for each decision, all with the trace that they belong
// to. Slaves are told of by their watch (slave-watch.ts), refusals by the dispatcher. Only followed
// where such lines are wanted: at thousands of tasks a second they are most of the work.

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
