// `askfirst watch`: slaves, running tasks and rates, drawn anew every second until Ctrl-C or q. Not in a
// terminal: a line of JSON each time.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Client, Slave, Status, TaskSummary } from '../../../shared/client/client.ts'
import { UnreachableError } from '../../../shared/client/client.ts'
import type { Runner } from '../command.ts'
import { command, numberFrom } from '../command.ts'
import type { Output } from '../output.ts'
import { cut, duration, table } from '../output.ts'
import { slaveColumns } from './slaves.ts'

type Look = { at: number; status: Status; slaves: Slave[]; running: TaskSummary[] }
export type Rates = { ended: number; refused: number; asks: number }

const TASKS_SHOWN = 10
/** In raw mode it is a key like any other. */
const CTRL_C = '\u0003'

export const watch = (run: Runner) =>
  command('watch', 'shows slaves, running tasks and rates, live')
    .option('--every <SECONDS>', 'interval of updates', numberFrom(0.1), 1)
    .option('--times <N>', 'number of updates, then exit', numberFrom(1))
    .action(
      run(async ({ client, output, signal }, { every, times = Number.POSITIVE_INFINITY }) => {
        const master = client()
        const { screen } = output
        const leaving = new AbortController()
        const over = AbortSignal.any([signal, leaving.signal])
        const close = output.asJson ? () => {} : openScreen(screen, over, () => leaving.abort())
        let before: Look | undefined
        try {
          for (let n = 0; n < times; n++) {
            if (n > 0) await sleep(every * 1000, undefined, { signal: over }).catch(() => {})
            if (over.aborted) break
            const now = await look(master).catch(lost)
            if (output.asJson) {
              if (now instanceof UnreachableError) throw now
              await output.json({ ...now, rates: ratesOf(before, now) })
            } else {
              const { columns, rows } = screen.size()
              screen.draw(screenOf(master.url, now, before, columns, rows))
            }
            before = now instanceof UnreachableError ? undefined : now
          }
        } finally {
          close()
        }
      }),
    )

/** The screen of the terminal is ours until the function that it gives is called. */
function openScreen(screen: Output['screen'], over: AbortSignal, leave: () => void): () => void {
  const { stdin } = process
  const onKey = (key: Buffer): void => {
    if (['q', CTRL_C].includes(key.toString())) leave()
  }
  if (stdin.isTTY) stdin.setRawMode(true).on('data', onKey).resume()
  screen.open()
  let open = true
  const close = (): void => {
    if (!open) return
    open = false
    if (stdin.isTTY) stdin.setRawMode(false).off('data', onKey).pause()
    screen.close()
  }
  process.once('exit', close)
  over.addEventListener('abort', close)
  return close
}

async function look(master: Client): Promise<Look> {
  const [status, slaves, page] = await Promise.all([
    master.status(),
    master.slaves(),
    master.list({ status: 'in progress', limit: TASKS_SHOWN }),
  ])
  return { at: Date.now(), status, slaves, running: page.tasks }
}

function lost(error: unknown): UnreachableError {
  if (error instanceof UnreachableError) return error
  throw error
}

const sum = (numbers: Record<string, number>): number =>
  Object.values(numbers).reduce((total, n) => total + n, 0)

/** Per second, between two looks. */
function ratesOf(before: Look | undefined, now: Look): Rates | null {
  if (!before || now.status.upMs < before.status.upMs) return null
  const seconds = (now.at - before.at) / 1000
  const [a, b] = [before.status.counters, now.status.counters]
  const rate = (from: number, to: number): number => Math.round((to - from) / seconds)
  return {
    ended: rate(sum(a.ended), sum(b.ended)),
    refused: rate(sum(a.refused), sum(b.refused)),
    asks: rate(a.asks, b.asks),
  }
}

function screenOf(
  url: string,
  now: Look | UnreachableError,
  before: Look | undefined,
  columns = 100,
  rows = 40,
): string[] {
  if (now instanceof UnreachableError) return [`${now.message}; retrying`]
  const { status, slaves, running } = now
  const rates = ratesOf(before, now)
  const perSecond = rates
    ? `${rates.ended} ended, ${rates.refused} refused, ${rates.asks} asks per second`
    : ''
  const head = [
    `${url}   ${verdict(status)}`,
    `${status.slots.free} of ${status.slots.total} slots free   ${status.running} running   ${status.waiting} waiting   ${perSecond}`,
    '',
  ]
  const tasksAt = Math.min(running.length, TASKS_SHOWN) + 3
  const room = Math.max(3, rows - head.length - tasksAt - 3)
  const listed = table(slaves.slice(0, room), slaveColumns, columns)
  const more = slaves.length > room ? [`... and ${slaves.length - room} more`] : []
  const age = ({ startedAt, createdAt }: TaskSummary) =>
    duration(Math.max(0, now.at - Date.parse(startedAt ?? createdAt)))
  const busy = table(
    running,
    [
      ['RUNS FOR', age],
      ['ON', ({ slave }) => slave],
      ['TASK', ({ id }) => id],
      ['KIND', ({ kind }) => kind],
      ['INPUT', ({ input }) => cut(JSON.stringify(input) ?? '(long)', 60)],
    ],
    columns,
  )
  const others =
    status.running > running.length ? [`... and ${status.running - running.length} more`] : []
  const tasks = running.length > 0 ? ['', ...busy, ...others] : ['', 'no task is running']
  return [...head, ...listed, ...more, ...tasks, '', 'press q or Ctrl-C to quit']
}

function verdict({ accepting, slaves, slots }: Status): string {
  if (!accepting) return 'SHUTTING DOWN: accepts no new tasks'
  if (slaves.registered === 0) return 'NO SLAVES'
  if (slaves.alive === 0) return 'NO SLAVE AVAILABLE: none answers, or all are drained'
  return slots.free === 0 ? 'ALL BUSY' : 'accepting tasks'
}
