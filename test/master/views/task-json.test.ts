// Tasks in lists: what is too long for them is named.

import t from 'tap'
import { summaryJson } from '../../../master/views/task-json.ts'
import { encode } from '../../../shared/data/raw-json.ts'
import { createCheck } from '../../../shared/http/validate.ts'
import { TaskSummary } from '../../../shared/protocol/api/tasks.ts'
import { anEndedTask, aTask } from '../store/records.ts'

const shown = (...of: Parameters<typeof summaryJson>) =>
  JSON.parse(encode(summaryJson(...of))) as { omitted?: string[] }

t.test('a list names the input, the result and the failure that it leaves out', async (t) => {
  t.notOk('omitted' in shown(anEndedTask()))
  t.notOk('omitted' in shown(aTask()), 'of a task that has not ended nothing is left out')
  const left = (status: 'done' | 'failed' | 'cancelled', input: string | null = '{}') =>
    shown(anEndedTask({ status, outcome: null, input: input as string })).omitted
  t.same(left('done', null), ['input', 'result'])
  t.same(left('failed'), ['failure'])
  t.equal(left('cancelled'), undefined, 'it has no outcome')
  const task = shown(anEndedTask({ status: 'failed', outcome: null }))
  t.same(createCheck(TaskSummary).mistakes(task), [])
})
