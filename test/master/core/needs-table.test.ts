// Every combination of slaves and needs, from a small oracle: dry run, offers, trail and refusal agree.

import t from 'tap'
import { explain } from '../../../master/core/explain.ts'
import { needsOf, saidNeeds } from '../../../master/core/needs.ts'
import { reasonOf } from '../../../master/core/trail.ts'
import type { Needs } from '../../../shared/protocol/api/task-body.ts'
import { instant } from '../../instants.ts'
import { world } from '../core-world.ts'

const TAGS = ['gpu', 'ssd']
/** All subsets, each in the order of `all`. */
const subsetsOf = <T>(all: readonly T[]): T[][] =>
  Array.from({ length: 2 ** all.length }, (_, bits) => all.filter((__, i) => (bits >> i) & 1))

const PAIRS = subsetsOf(TAGS).flatMap((a) => subsetsOf(TAGS).map((b) => ({ a, b })))
const NEEDS = subsetsOf(TAGS).flatMap((slaveTags) =>
  [undefined, 'a', 'b', 'absent'].map((slave): Needs => {
    return { ...(slaveTags.length > 0 ? { slaveTags } : {}), ...(slave ? { slave } : {}) }
  }),
)

/** What the slave lacks first, in words; null: nothing. */
function lackOf(name: string, tags: string[], { slaveTags = [], slave }: Needs): string | null {
  const absent = slaveTags.find((tag) => !tags.includes(tag))
  if (absent !== undefined) return `has no tag "${absent}"`
  return slave === undefined || slave === name ? null : `is not "${slave}"`
}

function openPair({ a, b }: (typeof PAIRS)[number]) {
  const w = world()
  w.card('a', { tags: a })
  w.card('b', { tags: b })
  w.start('a')
  w.start('b')
  return w
}

t.test('dry run, offer, trail and refusal agree for every combination of needs', async (t) => {
  for (const pair of PAIRS) {
    for (const said of NEEDS) {
      const where = JSON.stringify({ pair, said })
      const w = openPair(pair)
      const terms = { needs: needsOf(said), attemptsMax: null, retryOn: [] }
      const lacks = { a: lackOf('a', pair.a, said), b: lackOf('b', pair.b, said) }
      const first = (['a', 'b'] as const).find((name) => lacks[name] === null) ?? null

      const dry = explain(w.core.view, { kind: 'work', terms }, instant(w.now))
      t.equal(dry.wouldAsk, first, where)
      for (const { slave, available, reason } of dry.slaves) {
        const lack = lacks[slave as 'a' | 'b']
        t.equal(available, lack === null, where)
        if (lack !== null) t.equal(reason, lack, where)
      }

      w.submit({ terms })
      if (first !== null) {
        t.equal(w.offered().slave, first, where)
        continue
      }
      const [refused] = w.last('refuse')
      t.equal(refused?.problem.type, 'no-capable-slave', where)
      const trail = refused?.task.trail.map((entry) => [entry.event, entry.slave, reasonOf(entry)])
      t.same(
        trail,
        [
          ['unable', 'a', lacks.a],
          ['unable', 'b', lacks.b],
        ],
        where,
      )
      for (const lack of Object.values(lacks)) t.match(refused?.problem.message, lack ?? '', where)
    }
  }
})

t.test('a task with needs waits in the queue for a slave that has them', async (t) => {
  const w = world()
  w.start('a')
  const terms = { needs: needsOf({ slaveTags: ['gpu'] }), attemptsMax: null, retryOn: [] }
  w.submit({ terms, queue: true, waitUntil: instant(60_000) })
  t.same(w.last('offer'), [])
  w.card('b', { tags: ['gpu'] })
  w.start('b')
  t.equal(w.offered().slave, 'b')
  w.submit()
  t.equal(w.offered().slave, 'a', 'and others do not wait behind it')
})

t.test('needs are shown as the client said them, each tag once', async (t) => {
  for (const said of NEEDS) {
    const shown = saidNeeds(needsOf(said))
    t.same(shown, Object.keys(said).length === 0 ? undefined : said)
  }
  t.same(saidNeeds(needsOf({ slaveTags: ['x', 'x'] })), { slaveTags: ['x'] })
  t.equal(saidNeeds([{ is: 'program', name: 'flac' }]), undefined, 'what the kind needs is its own')
})
