// Queued tasks are offered by what has changed. However slaves and tasks come and go, none waits for a slave
// that is free for it.

import t from 'tap'
import { needsOf } from '../../../master/core/needs.ts'
import { createRandom } from '../../../shared/data/random.ts'
import { instant } from '../../instants.ts'
import type { Offered } from '../core-world.ts'
import { world } from '../core-world.ts'

type World = ReturnType<typeof world>

const NAMES = ['a', 'b', 'c', 'd']
const TAGS = ['gpu', 'ssd', 'big']
const termsOf = (...slaveTags: string[]) => ({
  needs: needsOf({ slaveTags }),
  attemptsMax: null,
  retryOn: [],
})

/** The heads of queues that a free slave could run. */
function forgotten({ core }: World): string[] {
  const { lines, registry } = core.view
  return [...lines].flatMap(([ability, line]) => {
    const head = line.peek()
    return head && registry.nextFree(ability, null, 0) >= 0 ? [head.id] : []
  })
}

/** Slaves and tasks at random; `check` after each step. */
function live(w: World, seed: number, check: (what: string) => void): void {
  const random = createRandom(seed)
  const draw = <T>(from: readonly T[]): T => from[random.integer(from.length)] as T
  const some = (): string[] => TAGS.filter(() => random.integer(2) === 0)
  const running: Offered[] = []
  let boots = 0

  function answerOffers(): void {
    for (let [offer] = w.last('offer'); offer; [offer] = w.last('offer')) {
      const { free } = w.state(offer.slave)
      if (free > 0) running.push(offer)
      w.answer(offer, free > 0 ? 'taken' : 'busy')
      check(`answer of ${offer.slave}`)
    }
  }

  const events: Record<string, () => void> = {
    submit: () => w.submit({ queue: true, waitUntil: instant(1e9), terms: termsOf(...some()) }),
    end() {
      const [offer] = running.splice(random.integer(Math.max(1, running.length)), 1)
      if (!offer) return
      w.callBack(offer, { status: 'done', result: 1 })
    },
    restart() {
      const name = draw(NAMES)
      w.card(name, { tags: some() })
      for (let i = running.length - 1; i >= 0; i--) {
        if (running[i]?.slave === name) running.splice(i, 1)
      }
      w.start(name, 1 + random.integer(2), `boot-${++boots}`)
    },
    wait: () => w.pass(50),
  }
  for (let i = 0; i < 400; i++) {
    const what = draw(Object.keys(events))
    events[what]?.()
    check(what)
    answerOffers()
  }
}

t.test('no task waits while a slave that has what it needs is free', async (t) => {
  for (let seed = 1; seed <= 20; seed++) {
    const w = world({ attemptsMax: 9, retryBackoffMs: 10 })
    for (const name of NAMES) w.start(name)
    let most = 0
    live(w, seed, (what) => {
      most = Math.max(most, w.core.view.waiting)
      const waits = forgotten(w)
      if (waits.length > 0 && w.last('offer').length === 0) t.fail(`${seed} ${what}: ${waits}`)
    })
    t.ok(most > 5, `tasks did wait: ${most}`)
  }
})

t.test('the number of different needs that wait is bounded', async (t) => {
  const w = world({ waitingTasksMax: 1_000_000 })
  w.start('a')
  const submit = (tag: string) =>
    w.submit({ queue: true, waitUntil: instant(1e9), terms: termsOf(tag) })
  for (let i = 0; i < 4096; i++) submit(`tag-${i}`)
  t.same(w.last('refuse'), [])
  submit('tag-4096')
  const [refused] = w.last('refuse')
  t.equal(refused?.problem.type, 'queue-full')
  t.match(refused?.problem.message, /4096 different needs of tasks/)
  submit('tag-7')
  t.same(w.last('refuse'), [], 'what is known may wait')
  w.submit()
  t.equal(w.offered().slave, 'a', 'and other tasks are offered')
})
