import t from 'tap'
import { isPartOf, partKey, partTag, partTasks } from '../../../master/core/part-names.ts'

t.test('the task of a part is known again by its tag and its key', async (t) => {
  const key = partKey('ticket', { stage: 1, index: 2 }, 3)
  const [part, ...others] = partTasks([
    { id: 'task-1', idempotencyKey: key, tags: [partTag('job-1')] },
    { id: 'task-2', idempotencyKey: null, tags: [partTag('job-1')] },
    { id: 'task-3', idempotencyKey: key, tags: [] },
    { id: 'task-4', idempotencyKey: 'of a client', tags: ['job:job-1'] },
  ])
  t.same(part, { task: 'task-1', job: 'job-1', key })
  t.same(others, [])
  t.ok(part && isPartOf('ticket', part))
  t.notOk(part && isPartOf('tick', part), 'another job')
})

t.test('each stage, part and round has a key of its own', async (t) => {
  const keys = [0, 1].flatMap((stage) =>
    [0, 1].flatMap((index) => [0, 1].map((round) => partKey('ticket', { stage, index }, round))),
  )
  t.equal(new Set(keys).size, 8)
})
