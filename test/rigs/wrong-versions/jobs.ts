// Wrong versions of jobs.

import type { WrongVersion } from './wrong-version.ts'

export const JOBS: WrongVersion[] = [
  {
    name: 'key-without-round',
    says: 'names each round of a part alike',
    in: 'partKey',
    find: `:\${index}:\${round}\``,
    replace: `:\${index}\``,
    caughtBy: 'test/master/core/part-names.test.ts',
  },
  {
    name: 'left-job-waits',
    says: 'leaves a job that ended waiting for room',
    in: 'leave',
    find: 'for (const { resolve } of gone) resolve(false)',
    replace: '',
    caughtBy: 'test/master/jobs/job-memory.test.ts',
  },
  {
    name: 'full-disk-forgets-end',
    says: 'forgets the end of a job that found no room',
    in: 'conclude',
    find: 'await pause(clock, AGAIN_MS)',
    replace: 'return pause(clock, AGAIN_MS)',
    caughtBy: 'test/master/jobs/jobs.test.ts',
  },
  {
    name: 'blobs-of-live-jobs-swept',
    says: 'lets blobs be removed that parts of a live job gave',
    in: 'runPart',
    find: '    await keepBlobs(running, part)\n',
    replace: '',
    caughtBy: 'test/master/jobs/jobs.test.ts',
  },
]
