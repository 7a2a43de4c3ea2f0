// Loaded into a process that is profiled (node --import), before its program. On SIGUSR2 it starts
// V8's sampling profiler and counts from zero; on the next SIGUSR2 it writes both to the file that
// PROFILE_FILE names. So start-up and warm-up are not in the profile.

import { subscribe } from 'node:diagnostics_channel'
import { renameSync, writeFileSync } from 'node:fs'
import { Session } from 'node:inspector'
import { DatabaseSync } from 'node:sqlite'

/** What a task's cost hangs on: how many tasks share a request and a commit. */
export type Counts = {
  requestsIn: number
  requestsOut: number
  commits: number
  commitMs: number
}

const SAMPLE_US = 200
const file = process.env.PROFILE_FILE as string
const session = new Session()
const zero = (): Counts => ({ requestsIn: 0, requestsOut: 0, commits: 0, commitMs: 0 })
let counts = zero()
let running = false

subscribe('http.server.request.start', () => void counts.requestsIn++)
subscribe('undici:client:sendHeaders', () => void counts.requestsOut++)
countCommits()
session.connect()
session.post('Profiler.enable')
session.post('Profiler.setSamplingInterval', { interval: SAMPLE_US })

process.on('SIGUSR2', () => {
  if (running) stop()
  else session.post('Profiler.start', () => void (counts = zero()))
  running = !running
})

function stop(): void {
  const counted = counts
  session.post('Profiler.stop', (_error, { profile }) => {
    writeFileSync(`${file}.part`, JSON.stringify({ ...profile, counts: counted }))
    renameSync(`${file}.part`, file)
  })
}

function countCommits(): void {
  // oxlint-disable-next-line typescript/unbound-method -- called with its own `this`
  const { prepare } = DatabaseSync.prototype
  DatabaseSync.prototype.prepare = function (this: DatabaseSync, sql: string) {
    const statement = prepare.call(this, sql)
    if (sql !== 'COMMIT') return statement
    const run = statement.run.bind(statement)
    statement.run = () => {
      const startedAt = performance.now()
      const changes = run()
      counts.commits++
      counts.commitMs += performance.now() - startedAt
      return changes
    }
    return statement
  }
}
