// Pages of lists: bounded in bytes, and read on they give everything.

import t from 'tap'
import type { PartState, StageState } from '../../../master/core/job.ts'
import { partsJson, storedParts } from '../../../master/views/job-json.ts'
import { pageWithin } from '../../../master/views/list-page.ts'
import { wallTime } from '../../../shared/data/clock.ts'
import { encode } from '../../../shared/data/raw-json.ts'
import type { StageParts } from '../../../shared/protocol/api/jobs.ts'

t.test('a page ends before the item that would make it too long, and has one at least', (t) => {
  const items = ['a'.repeat(50), 'b'.repeat(50), 'c'.repeat(500)]
  const same = (item: string) => item
  t.same(pageWithin(items, same, 104), { page: items.slice(0, 2), bytes: 104, cut: true })
  t.same(pageWithin(items, same, 103), { page: items.slice(0, 1), bytes: 52, cut: true })
  t.same(pageWithin(items.slice(2), same, 10), { page: items.slice(2), bytes: 502, cut: false })
  t.same(pageWithin([], same, 10), { page: [], bytes: 0, cut: false })
  t.end()
})

const FILES = Array.from({ length: 10 }, (_, i) => ({
  name: `${i}-${'n'.repeat(100)}`,
  bytes: 1,
  sha256: 'a'.repeat(64),
}))

/** Every one has files whose names take 2 kB. */
function stageOf(name: string, parts: number): StageState {
  const part = (index: number): PartState => ({
    stage: 0,
    index,
    spec: { kind: 'work', input: null, keep: 'master' },
    round: 0,
    status: 'done',
    task: null,
    tries: 1,
    done: { result: index, files: FILES, slave: 'slave-1' },
    written: null,
    keptBytes: 1,
    startedAt: wallTime(0),
    endedAt: wallTime(1),
    ranMs: 1,
    given: new Map(),
  })
  const all = Array.from({ length: parts }, (_, i) => part(i))
  return { name, parts: all, left: new Set(), startedAt: wallTime(0), endedAt: wallTime(1) }
}

const stages = [stageOf('one', 1_000), stageOf('two', 700)]
const stored = encode(partsJson(stages, { ended: true }))
const bytesMax = 200_000

for (const [whose, read] of [
  ['a live job', (query: object) => partsJson(stages, { ended: false }, query)],
  ['a job that has ended', (query: object) => storedParts(stored, query)],
] as const) {
  t.test(
    `the parts of all stages of ${whose} share a page, and read on they are all given`,
    (t) => {
      const first = read({ limit: 1_000, bytesMax })
      // One part of each stage at least.
      t.ok(encode(first).length < bytesMax + 10_000)
      t.match(first, [{ total: 1_000 }, { total: 700, next: 1 }])
      for (const { name, total } of first) {
        const seen: object[] = []
        for (let offset: number | null = 0; offset !== null; ) {
          const page: StageParts | undefined = read({
            stage: name,
            offset,
            limit: 1_000,
            bytesMax,
          })[0]
          t.ok(encode(page).length < bytesMax + 10_000)
          seen.push(...(page?.parts ?? []))
          offset = page?.next ?? null
        }
        const wanted = Array.from({ length: total }, (_, i) => i + 1)
        t.same(
          (seen as { part: number }[]).map(({ part }) => part),
          wanted,
        )
      }
      t.end()
    },
  )
}

t.test('a job that an earlier version stored has no pages, and is read in pages', (t) => {
  const [, { next: _, ...old }] = JSON.parse(stored)
  const [page] = storedParts(JSON.stringify([old]), { limit: 10 })
  t.match(page, { name: 'two', total: 700, next: 10, transfers: [] })
  t.end()
})
