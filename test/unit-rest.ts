// The unit tests that no other of these files runs: a new folder of tests is here.

import { runInOneProcess } from './one-process.ts'

runInOneProcess(
  ['test/**/*.test.ts'],
  ['test/master/**', 'test/e2e/**', 'test/docs/**', 'test/shared/http/**', 'test/shared/kinds/**'],
)
