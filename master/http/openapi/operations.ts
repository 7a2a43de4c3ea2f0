// All rows of the documentation.

import type { JobRequests } from '../job-requests.ts'
import type { TaskRequests } from '../task-requests.ts'
import { identityDocs } from './identity.ts'
import { jobDocs } from './jobs.ts'
import type { Operations } from './operation.ts'
import { slaveDocs } from './slaves.ts'
import { taskDocs } from './tasks.ts'
import { watchingDocs } from './watching.ts'

export const operationsOf = (given: {
  tasks: TaskRequests
  jobs: JobRequests
  batchTasksMax: number
}): Operations => ({
  ...taskDocs(given.tasks.schema, given.tasks.examples, given.batchTasksMax, given.tasks.changes),
  ...jobDocs(given.jobs.schema, given.jobs.examples),
  ...slaveDocs,
  ...watchingDocs,
  ...identityDocs,
})
