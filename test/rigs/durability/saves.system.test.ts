// What is kept beside the tasks - jobs, how they ended, blobs, outcomes in an outbox - is on the disk
// when the call that keeps it returns: as strace sees it, each file that was written was synced after
// its last write.

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'

const CALLS = 'write,writev,pwrite64,pwritev,fsync,fdatasync,rename,renameat,renameat2'
const CALL = /^(?:\d+\s+)?(\w+)\((?:AT_FDCWD<[^>]*>, )?(?:(\d+)<([^>]*)>|"([^"]*)")/
const RESUMED = /^(\d+)\s+<\.\.\. (\w+) resumed>/

/** No strace, or one that is not allowed to trace: the reason, else false. */
function whyNot(): string | false {
  const { status } = spawnSync('strace', ['-qq', '-o', '/dev/null', 'true'])
  return status === 0 ? false : 'there is no strace here, or it may not trace'
}

/** Which files were written between `begins` and `saved`, and not synced after their last write. */
function unsynced(trace: string, folder: string): { written: string[]; left: string[] } {
  const written = new Set<string>()
  const left = new Set<string>()
  const open = new Map<string, string>()
  let begun = false
  for (const line of trace.split('\n')) {
    const thread = line.split(' ', 1)[0] as string
    const resumed = RESUMED.exec(line)
    if (resumed) {
      const file = open.get(thread)
      if (file !== undefined && /\)\s+= 0/.test(line)) left.delete(file)
      open.delete(thread)
      continue
    }
    const [, name = '', fd, file = '', path = ''] = CALL.exec(line) ?? []
    if (fd === '1' && line.includes('begins')) begun = true
    if (fd === '1' && line.includes('saved')) break
    if (name.startsWith('rename')) {
      // What was synced under its first name is whole under its second.
      if (begun && left.has(path)) written.add(`${path}, renamed before it was synced`)
      continue
    }
    if (!file.startsWith(folder)) continue
    if (!name.endsWith('sync')) {
      if (begun) for (const set of [written, left]) set.add(file)
    } else if (line.endsWith('<unfinished ...>')) open.set(thread, file)
    else if (/\)\s+= 0/.test(line)) left.delete(file)
  }
  // The index of a log in shared memory is made anew after a crash.
  const files = (set: Set<string>): string[] => [...set].filter((each) => !each.endsWith('-shm'))
  return { written: files(written), left: files(left) }
}

const skip = whyNot()
for (const [what, file] of [
  ['job', /jobs\.sqlite-wal$/],
  ['end', /jobs\.sqlite-wal$/],
  ['blob', /blobs\/incoming\/[^/]+$/],
  ['outcome', /outbox\.sqlite-wal$/],
  ['key', /identities\.sqlite-wal$/],
] as const) {
  t.test(
    `${what}: every file that was written is synced before it is said`,
    { skip },
    async (t) => {
      const folder = t.testdir()
      const trace = join(folder, 'trace')
      const strace = ['-f', '-qq', '-y', '-e', `trace=${CALLS}`, '-o', trace]
      const program = join(import.meta.dirname, 'saves.ts')
      const data = join(folder, 'data')
      const { status, stderr } = spawnSync('strace', [
        ...strace,
        process.execPath,
        program,
        what,
        data,
      ])
      t.equal(status, 0, String(stderr))
      const { written, left } = unsynced(readFileSync(trace, 'utf8'), data)
      t.ok(
        written.some((each) => file.test(each)),
        `it writes ${written.join(', ')}`,
      )
      t.same(left, [])
    },
  )
}
