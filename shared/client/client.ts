// A typed client of a master: `import { createClient } from 'askfirst/client'`. It repeats what may be
// repeated (see connection.ts), and gives every submission an Idempotency-Key of its own, so that
// nothing is done twice because an answer was lost.

import type { ConnectionSettings } from './connection.ts'
import { createConnection } from './connection.ts'
import { createEvents } from './events.ts'
import { createFiles } from './files.ts'
import { createJobs } from './jobs.ts'
import { createMany } from './many.ts'
import { createOperations } from './operations.ts'
import { createTasks } from './tasks.ts'

export type { Blob } from '../protocol/api/blobs.ts'
export type { JobFile, Part, Stage } from '../protocol/api/jobs.ts'
export type { Slave, SlaveStateWord } from '../protocol/api/slaves.ts'
export type { Explanation, TaskFilter, Trail, TrailEntry } from '../protocol/api/tasks.ts'
export type { EventFilter, Status } from '../protocol/api/watching.ts'
export { hasEnded } from '../protocol/statuses.ts'
export type { ConnectionSettings as ClientSettings } from './connection.ts'
export { DEFAULT_URL, isForNow } from './connection.ts'
export type { Asked, ProblemDocument } from './errors.ts'
export { isProblem, NoResultError, ProblemError, UnreachableError } from './errors.ts'
export type { MasterEvent } from './events.ts'
export type { Bytes, TaskFile } from './files.ts'
export type { Job, JobRequest } from './jobs.ts'
export type { JobKinds, TaskKinds } from './kinds.ts'
export type { ManyManners, OneOfMany } from './many.ts'
export type {
  Accepted,
  EndedTask,
  Outcome,
  Task,
  TaskRequest,
  TaskSummary,
} from './tasks.ts'

export type Client = ReturnType<typeof createClient>

/** A client of the master at `url`. Whoever creates it closes it. */
export function createClient(settings: ConnectionSettings = {}) {
  const connection = createConnection(settings)
  return {
    /** Of the master. */
    url: connection.url,
    ...createTasks(connection),
    submitMany: createMany(connection, settings.patienceMs),
    ...createJobs(connection),
    ...createFiles(connection),
    ...createOperations(connection),
    stream: createEvents(connection),
    /** Any other request, JSON in and out: for addresses that have no function here. */
    request: connection.json,
    /** Ends all connections. Idempotent. */
    close: connection.close,
  }
}
