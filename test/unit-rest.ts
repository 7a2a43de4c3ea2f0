// The unit tests that neither unit-master.ts nor unit-http.ts runs: a new folder of tests is here.

import { runInOneProcess } from './one-process.ts'

runInOneProcess(
  ['test/**/*.test.ts'],
  ['test/master/**', 'test/e2e/**', 'test/docs/**', 'test/shared/http/**'],
)
