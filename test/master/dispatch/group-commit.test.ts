// Group commit: what goes out after which commit, and what a full disk costs.

import t from 'tap'
import type { Task } from '../../../master/core/state.ts'
import { createTask } from '../../../master/core/task.ts'
import { createGroupCommit } from '../../../master/dispatch/group-commit.ts'
import type { Change, Store } from '../../../master/store/store.ts'
import { StoreFullError } from '../../../master/store/store.ts'
import { instant } from '../../instants.ts'
import { createSimulatedClock } from '../../rigs/simulation/clock.ts'
import { aTask, insert, update } from '../store/records.ts'

const RETRY_MS = 500

type Done = (error?: Error) => void

/** A saving whose commits end when the test says so. */
function setUp() {
  const clock = createSimulatedClock()
  const commits: { changes: Change[]; done: Done }[] = []
  const stored = new Set<Task>()
  const said: string[] = []
  const noRoom: string[][] = []
  const broken: Error[] = []
  const saving = createGroupCommit({
    store: {
      commit: (changes: Change[], done: Done) => void commits.push({ changes, done }),
    } as unknown as Store,
    clock,
    changeOf: (task) => {
      const record = aTask({ id: task.id })
      return stored.has(task) ? update(record, {}) : insert(record)
    },
    onSaved: (tasks) => {
      for (const task of tasks) stored.add(task)
    },
    release: (effects) => {
      for (const effect of effects) if ('task' in effect) said.push(effect.task.id)
    },
    onNoRoom: (tasks) => noRoom.push(tasks.map(({ id }) => id)),
    onBroken: (error) => broken.push(error),
  })
  const task = (id: string): Task =>
    createTask(
      { ...aTask({ id }), terms: null, queue: true, waitUntil: null, expiresAt: null },
      'work',
      1,
      instant(0),
    )
  /** A task is saved, and then somebody is told of it. */
  const save = (given: Task): void => {
    saving.task(given)
    saving.after({ do: 'accept', task: given })
  }
  return { clock, commits, stored, said, noRoom, broken, saving, task, save }
}

const idsOf = ({ changes }: { changes: Change[] }): string[] =>
  changes.map((change) => ('task' in change ? `${change.do} ${change.task.id}` : change.do))

t.test('nothing is said before the commit of its turn, and all of it after', async (t) => {
  const { saving, save, task, commits, said } = setUp()
  save(task('a'))
  saving.flush()
  save(task('b'))
  saving.flush()
  t.same(said, [])
  t.equal(commits.length, 1, 'one commit at a time')
  commits[0]?.done()
  t.same(said, ['a'])
  t.same(idsOf(commits[1]!), ['insert b'], 'what came meanwhile is in the next')
  commits[1]?.done()
  t.same(said, ['a', 'b'])
  t.ok(saving.isIdle)
})

t.test(
  'what has nothing to save waits for what came before it, and for nothing else',
  async (t) => {
    const { saving, task, said, commits, save } = setUp()
    saving.after({ do: 'accept', task: task('a') })
    saving.flush()
    t.same(said, ['a'], 'at once: nothing is unsaved')
    save(task('b'))
    saving.flush()
    saving.after({ do: 'accept', task: task('c') })
    saving.flush()
    t.same(said, ['a'])
    commits[0]?.done()
    t.same(said, ['a', 'b', 'c'])
  },
)

t.test(
  'on a full disk new tasks are refused, and the rest is tried until there is room',
  async (t) => {
    const { clock, saving, save, task, commits, said, noRoom, stored } = setUp()
    const [known, fresh] = [task('known'), task('fresh')]
    stored.add(known)
    save(known)
    save(fresh)
    saving.change({ do: 'drop-slave', name: 'gone' })
    saving.flush()
    commits[0]?.done(new StoreFullError('full'))
    t.same(noRoom, [['fresh']])
    t.ok(saving.isFull)
    // At once without what was new; then again and again, however often it finds no room.
    for (let tries = 1; tries <= 8; tries++) {
      await clock.run({ until: clock.now() + RETRY_MS })
      t.equal(commits.length, tries + 1)
      t.same(idsOf(commits.at(-1)!), ['drop-slave', 'update known'])
      t.same(said, [])
      if (tries < 8) commits.at(-1)?.done(new StoreFullError('full'))
    }
    commits.at(-1)?.done()
    t.same(said, ['known'], 'and whoever was refused hears of no promise')
    t.notOk(saving.isFull)
    t.ok(saving.isIdle)
  },
)

t.test('what is gathered while the disk is full follows once there is room', async (t) => {
  const { clock, saving, save, task, commits, said, stored } = setUp()
  const [a, b] = [task('a'), task('b')]
  stored.add(a).add(b)
  save(a)
  saving.flush()
  commits[0]?.done(new StoreFullError('full'))
  save(b)
  saving.flush()
  t.equal(commits.length, 1, 'nothing overtakes what waits for room')
  await clock.run({ until: clock.now() + RETRY_MS })
  commits[1]?.done()
  t.same(idsOf(commits[2]!), ['update b'])
  commits[2]?.done()
  t.same(said, ['a', 'b'])
})

t.test('after an error of the disk nothing more is saved or said', async (t) => {
  const { clock, saving, save, task, commits, said, broken } = setUp()
  save(task('a'))
  saving.flush()
  commits[0]?.done(new Error('EIO'))
  t.match(broken, [{ message: 'EIO' }])
  save(task('b'))
  saving.flush()
  await clock.run({ until: clock.now() + 10 * RETRY_MS })
  t.equal(commits.length, 1)
  t.same(said, [])
  await saving.settled()
})

t.test('who waits until all is saved waits for the commit, and for the next', async (t) => {
  const { saving, save, task, commits } = setUp()
  let isSettled = false
  save(task('a'))
  saving.flush()
  save(task('b'))
  void saving.settled().then(() => void (isSettled = true))
  const turn = () => new Promise((resolve) => setImmediate(resolve))
  commits[0]?.done()
  await turn()
  t.notOk(isSettled, 'the second is not saved')
  commits[1]?.done()
  await turn()
  t.ok(isSettled)
})

t.test(
  'who saves in portions waits for the commit that is under way, and for no room',
  async (t) => {
    const { clock, saving, save, task, commits } = setUp()
    const paced = () => {
      let isOver = false
      void saving.paced().then(() => void (isOver = true))
      return async () => {
        await clock.run({ until: clock.now() + 1 })
        await new Promise((resolve) => setImmediate(resolve))
        return isOver
      }
    }
    t.ok(await paced()(), 'nothing is under way')
    save(task('a'))
    saving.flush()
    const first = paced()
    t.notOk(await first())
    save(task('b'))
    commits[0]?.done()
    t.ok(await first(), 'though the next has begun')
    saving.flush()
    const second = paced()
    t.notOk(await second())
    commits[1]?.done(new StoreFullError('full'))
    t.ok(await second(), 'however it ends')
    t.ok(await paced()(), 'a full disk is not waited for')
  },
)
