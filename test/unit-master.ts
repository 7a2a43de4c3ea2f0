// The unit tests of the master. With unit-rest.ts: `npm test`, a process for each of two cores.

import { runInOneProcess } from './one-process.ts'

runInOneProcess(['test/master/**/*.test.ts'], ['test/**/*.system.test.ts'])
