// A process that commits without end, for tests that kill it or take its disk away:
//   node commit-loop.ts FOLDER
// Prints a line of JSON for each thing that happened: {open}, {saved: [ids], ended: [ids]} once done
// was called, {failed: text, name}; after a failure it tries twice more, then leaves with 3.
import { writeSync } from 'node:fs'
import { openSqliteStore } from '../../../master/store/sqlite.ts'
import type { TaskRecord } from '../../../master/store/store.ts'
import { aTask, commit, end, insert } from './records.ts'

const say = (line: object) => writeSync(1, `${JSON.stringify(line)}\n`)

try {
  const store = openSqliteStore({ folder: process.argv[2]!, reserveBytes: 1 << 16 })
  say({ open: true })
  let before: TaskRecord[] = []
  let failures = 0
  while (failures < 3) {
    const tasks = Array.from({ length: 5 }, () => aTask({ input: `"${'x'.repeat(300)}"` }))
    try {
      await commit(store, ...tasks.map(insert), ...before.map(end))
      say({ saved: tasks.map(({ id }) => id), ended: before.map(({ id }) => id) })
      before = tasks
    } catch (error) {
      failures++
      say({ failed: (error as Error).message, name: (error as Error).name })
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
} catch (error) {
  say({ failed: (error as Error).message, name: (error as Error).name })
}
process.exitCode = 3
