// The unit tests that speak HTTP with a master or a server in this process. They wait more than they
// compute, so `npm test` runs them beside those that compute.

import { runInOneProcess } from './one-process.ts'

runInOneProcess([
  'test/e2e/**/*.test.ts',
  'test/docs/**/*.test.ts',
  'test/shared/http/**/*.test.ts',
])
