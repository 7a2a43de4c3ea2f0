import t, { test } from 'tap'
import { createMemoryStore } from '../../../master/store/memory.ts'
import { StoreFullError } from '../../../master/store/store.ts'
import { storeContract } from './contract.ts'
import { aTask, commit, end, insert } from './records.ts'

storeContract(t, 'memory', () => {
  let store = createMemoryStore()
  const reopen = async () => (store = store.crash())
  return { store, reopen }
})

storeContract(t, 'memory, scheduled', () => {
  const schedule = (run: () => void) => queueMicrotask(run)
  let store = createMemoryStore({ schedule })
  const reopen = async () => (store = store.crash())
  return { store, reopen }
})

/** A store whose commits become durable when `sync` is called. */
function aSlowStore() {
  const runs: (() => void)[] = []
  const store = createMemoryStore({ schedule: (run) => runs.push(run) })
  return { store, sync: (at = 0) => runs.splice(at, 1)[0]?.() }
}

test('shows nothing of a commit before it is durable', async (t) => {
  const { store, sync } = aSlowStore()
  const task = aTask()
  const saved = commit(store, insert(task))
  t.equal(await store.get(task.id), undefined)
  sync()
  await saved
  t.strictSame(await store.get(task.id), task)
})

test('makes commits durable in their order, whichever sync ends first', async (t) => {
  const { store, sync } = aSlowStore()
  const task = aTask()
  const heard: string[] = []
  store.commit([insert(task)], () => heard.push('insert'))
  store.commit([end(task)], () => heard.push('end'))
  sync(1)
  t.strictSame(heard, ['insert'])
  t.equal((await store.get(task.id))?.status, 'pending')
  sync()
  t.strictSame(heard, ['insert', 'end'])
})

test('forgets in a crash what was not durable, and never calls its done', async (t) => {
  const { store, sync } = aSlowStore()
  const tasks = [aTask(), aTask(), aTask()]
  const heard: string[] = []
  for (const task of tasks) store.commit([insert(task)], () => heard.push(task.id))
  sync()
  const next = store.crash(1)
  sync()
  sync()
  t.strictSame(heard, [tasks[0]!.id])
  t.ok(await next.get(tasks[1]!.id), 'reached the disk unheard')
  t.equal(await next.get(tasks[2]!.id), undefined)
  await t.rejects(store.get(tasks[0]!.id), /crashed/)
})

test('is not reached by changes to a record that waits to become durable', async (t) => {
  const { store, sync } = aSlowStore()
  const task = aTask()
  const saved = commit(store, insert(task))
  task.status = 'failed'
  sync()
  await saved
  t.equal((await store.get(task.id))?.status, 'pending')
})

test('works on after a full disk', async (t) => {
  const store = createMemoryStore()
  const task = aTask()
  store.failNext(new StoreFullError('full'))
  await t.rejects(commit(store, insert(task)), StoreFullError)
  t.equal(await store.get(task.id), undefined)
  await commit(store, insert(task))
  t.strictSame(await store.get(task.id), task)
})

test('fails every call after any other error', async (t) => {
  const store = createMemoryStore()
  const [lost, kept] = [aTask(), aTask()]
  store.failNext(new Error('input/output error'), true)
  await t.rejects(commit(store, insert(kept)), /input/)
  await t.rejects(commit(store, insert(lost)), /input/)
  await t.rejects(store.get(kept.id), /input/)
  const next = store.crash()
  t.ok(await next.get(kept.id), 'was written though it failed')
  t.equal(await next.get(lost.id), undefined)
})
