// The unit tests of the master. `npm test` runs this beside the other unit-*.ts.

import { runInOneProcess } from './one-process.ts'

runInOneProcess(['test/master/**/*.test.ts'])
