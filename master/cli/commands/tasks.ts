// `askfirst tasks`, `task`, `cancel` and `retry`.

import type { Client, Task, TaskFilter, TaskSummary } from '../../../shared/client/client.ts'
import { isProblem } from '../../../shared/client/client.ts'
import { UsageError } from '../../../shared/process/usage-error.ts'
import { command } from '../command.ts'
import type { Column } from '../output.ts'
import { cut, duration, resultText } from '../output.ts'
import { jobInWords } from './job.ts'

/** In place of an id: the newest task. */
const LAST = 'last'
const PAGE = 1000
const INPUT_CHARS = 40

const statuses = ['pending', 'in progress', 'done', 'failed', 'cancelled', 'expired']

const filter = {
  status: { is: 'text', value: 'STATUS', says: `one of ${statuses.join(', ')}` },
  kind: { is: 'text', value: 'KIND', says: 'of this kind' },
  slave: { is: 'text', value: 'NAME', says: 'that this slave has, or had last' },
  tag: { is: 'text', value: 'TAG', says: 'that have this tag' },
  limit: { is: 'number', says: 'how many, newest first', default: 20, minimum: 1 },
} as const

const columns: Column<TaskSummary>[] = [
  ['ID', ({ id }) => id],
  ['STATUS', ({ status }) => status],
  ['SLAVE', ({ slave }) => slave],
  ['AGE', ({ createdAt }) => duration(Date.now() - Date.parse(createdAt))],
  ['KIND', ({ kind }) => kind],
  ['INPUT', (task) => inputOf(task)],
  ['RESULT', (task) => endOf(task)],
]

function inputOf({ input, omitted = [] }: { input?: unknown; omitted?: string[] }): string {
  if (omitted.includes('input')) return '(long)'
  const expression = (input as { expression?: string } | undefined)?.expression
  return cut(expression ?? JSON.stringify(input), INPUT_CHARS)
}

function endOf(task: TaskSummary | Task): string {
  if (task.status === 'failed') return `${task.failure.type}: ${task.failure.message}`
  if (task.status !== 'done') return ''
  return 'result' in task ? resultText(task) : '(long)'
}

/** The id itself, or that of the newest task. */
export async function idOf(client: Client, given: string): Promise<string> {
  if (given !== LAST) return given
  const [newest] = (await client.list({ limit: 1 })).tasks
  if (!newest) throw new UsageError('there is no task yet')
  return newest.id
}

export const tasks = command({
  name: 'tasks',
  says: 'lists tasks, newest first',
  options: filter,
  examples: [
    'askfirst tasks --status failed --limit 5',
    "askfirst tasks --limit 1000 | jq -r '.[].id'",
  ],
  async run({ values, client, output }) {
    const { limit, ...given } = values
    if (given.status !== undefined && !statuses.includes(given.status)) {
      throw new UsageError(`--status must be one of ${statuses.join(', ')}`)
    }
    const { status, kind, slave, tag } = given
    const wanted = { status, kind, slave, tag } as TaskFilter
    const master = client()
    const found: TaskSummary[] = []
    let cursor: string | undefined
    for (;;) {
      const more = cursor === undefined ? {} : { cursor }
      const page = await master.list({ ...wanted, limit: Math.min(PAGE, limit), ...more })
      found.push(...page.tasks)
      if (page.next === null || found.length >= limit) break
      cursor = page.next
    }
    const shown = found.slice(0, limit)
    output.show(shown, () => (shown.length === 0 ? 'no tasks' : output.table(shown, columns)))
  },
})

export const task = command({
  name: 'task',
  says: 'shows one task',
  operands: 'ID',
  notes: ['ID may be "last": the newest task.'],
  async run({ operands: [given = ''], client, output }) {
    const master = client()
    const found = await master.get(await idOf(master, given))
    output.show(found, () => taskInWords(found))
  },
})

function taskInWords(found: Task): string[] {
  const rows: [string, string][] = [
    ['id', found.id],
    ['kind', found.kind],
    ['status', found.status],
    ['input', cut(JSON.stringify(found.input), 1_000)],
    ['result', endOf(found)],
    ['slave', found.slave ?? '-'],
    ['tries', String(found.tries)],
    ['tags', found.tags.join(', ')],
    ['came', found.createdAt],
    ['began', found.startedAt ?? '-'],
    ['ended', found.endedAt ?? '-'],
  ]
  const lines = rows
    .filter(([, text]) => text !== '')
    .map(([name, text]) => `${name.padEnd(8)}${text}`)
  return [...lines, '', `askfirst why ${found.id} tells how it got there`]
}

export const cancel = command({
  name: 'cancel',
  says: 'ends a task or a job; whoever runs it is told to stop',
  operands: 'ID',
  async run({ operands: [given = ''], client, output }) {
    const master = client(10_000)
    const id = await idOf(master, given)
    try {
      const ended = await master.cancel(id)
      output.show(ended, () => `task ${ended.id} is ${ended.status}`)
    } catch (error) {
      if (!isProblem(error, 'no-such-task')) throw error
      const ended = await master.cancelJob(id)
      output.show(ended, () => jobInWords(ended))
    }
  },
})

export const retry = command({
  name: 'retry',
  says: 'submits the input of an ended task again, as a new task; prints its id',
  operands: 'ID',
  async run({ operands: [given = ''], client, output }) {
    const master = client()
    const accepted = await master.retry(await idOf(master, given))
    output.show(accepted, () => accepted.id)
  },
})
