// The unit tests of everything but the master.

import { runInOneProcess } from './one-process.ts'

runInOneProcess(['test/**/*.test.ts'], ['test/**/*.system.test.ts', 'test/master/**'])
