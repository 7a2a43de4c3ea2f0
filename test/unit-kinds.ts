// The unit tests of the kinds, which compute most.

import { runInOneProcess } from './one-process.ts'

runInOneProcess(['test/shared/kinds/**/*.test.ts'])
