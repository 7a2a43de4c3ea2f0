// The thread that has the jobs' file: reads, writes, syncs, copies of the log and the checks at a start
// take place here, so the main thread never waits for the disk because of jobs or blobs.

import { parentPort, workerData } from 'node:worker_threads'
import { saveCompileCache } from '../../../shared/process/compile-cache.ts'
import { opened } from '../sqlite-open.ts'
import type { Reply, Request } from './calls.ts'
import { failureOf, run } from './calls.ts'
import type { JobsFile, JobsFileOptions } from './sqlite.ts'
import { openJobsFile } from './sqlite.ts'

const options: JobsFileOptions = workerData
const say = (reply: Reply): void => parentPort?.postMessage(reply)

try {
  const file = opened(options.path, () =>
    openJobsFile(options, (error) => say({ is: 'broken', failure: failureOf(error) })),
  )
  saveCompileCache()
  parentPort?.on('message', (request: Request) => serve(file, request))
  say({ is: 'opened' })
} catch (error) {
  say({ is: 'failure', failure: failureOf(error as Error) })
}

function serve(file: JobsFile, request: Request): void {
  if (request.do === 'close') {
    file.close()
    parentPort?.close()
    return
  }
  try {
    say({ is: 'result', value: run(file, request) })
  } catch (error) {
    say({ is: 'failure', failure: failureOf(error as Error) })
  }
}
