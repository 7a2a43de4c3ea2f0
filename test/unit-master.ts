// The unit tests of the master. `npm test` runs this beside unit-http.ts and unit-rest.ts.

import { runInOneProcess } from './one-process.ts'

runInOneProcess(['test/master/**/*.test.ts'])
