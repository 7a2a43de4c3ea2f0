// `askfirst tasks`, `task`, `cancel` and `retry`.

import { Option } from '@commander-js/extra-typings'
import type { Client, Task, TaskSummary } from '../../../shared/client/client.ts'
import { isProblem } from '../../../shared/client/client.ts'
import { UsageError } from '../../../shared/process/usage-error.ts'
import { TASK_STATUSES } from '../../../shared/protocol/statuses.ts'
import type { Runner } from '../command.ts'
import { command, numberFrom, upTo } from '../command.ts'
import type { Column } from '../output.ts'
import { cut, duration, resultText } from '../output.ts'
import { jobInWords } from './job.ts'

/** In place of an id: the newest task. */
const LAST = 'last'
const INPUT_CHARS = 40

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
  if (task.status === 'failed') {
    return task.failure ? `${task.failure.type}: ${task.failure.message}` : '(long)'
  }
  if (task.status !== 'done') return ''
  return 'result' in task ? resultText(task) : '(long)'
}

/** The id itself, or that of the newest task. */
export async function idOf(client: Client, given: string): Promise<string> {
  if (given !== LAST) return given
  const [newest] = (await client.list({ limit: 1 })).tasks
  if (!newest) throw new UsageError('no task exists yet')
  return newest.id
}

export const tasks = (run: Runner) =>
  command(
    'tasks',
    'lists tasks, newest first',
    [],
    ['askfirst tasks --status failed --limit 5', "askfirst tasks --limit 1000 | jq -r '.[].id'"],
  )
    .addOption(new Option('--status <STATUS>', 'only tasks in this state').choices(TASK_STATUSES))
    .option('--kind <KIND>', 'only tasks of this kind')
    .option('--slave <NAME>', 'only tasks that run or last ran on this slave')
    .option('--tag <TAG>', 'only tasks with this tag')
    .option('--limit <N>', 'maximum number', numberFrom(1), 20)
    .action(
      run(async ({ client, output }, { limit, ...wanted }) => {
        const master = client()
        const shown = await upTo(limit, async (page) => {
          const { tasks, next } = await master.list({ ...wanted, ...page })
          return { items: tasks, next }
        })
        output.show(shown, () => (shown.length === 0 ? 'no tasks' : output.table(shown, columns)))
      }),
    )

export const task = (run: Runner) =>
  command('task', 'shows one task', ['ID may be "last": the newest task.'])
    .argument('<ID>')
    .action(
      run(async ({ client, output }, given) => {
        const master = client()
        const found = await master.get(await idOf(master, given))
        output.show(found, () => taskInWords(found))
      }),
    )

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
  return [...lines, '', `askfirst why ${found.id} explains it`]
}

export const cancel = (run: Runner) =>
  command('cancel', 'cancels a task or a job; slaves stop running it')
    .argument('<ID>')
    .action(
      run(async ({ client, output }, given) => {
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
      }),
    )

export const retry = (run: Runner) =>
  command('retry', 'submits the input of an ended task again, as a new task; prints its id')
    .argument('<ID>')
    .action(
      run(async ({ client, output }, given) => {
        const master = client()
        const accepted = await master.retry(await idOf(master, given))
        output.show(accepted, () => accepted.id)
      }),
    )
