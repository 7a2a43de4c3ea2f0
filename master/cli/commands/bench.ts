// `askfirst bench`: a small load against a master, to see what it and its slaves can do. What it
// submits is tagged "bench" and stays in the master's lists like any other task.

import type { Client, TaskRequest } from '../../../shared/client/client.ts'
import { hasEnded, ProblemError } from '../../../shared/client/client.ts'
import { inOrder } from '../../../shared/client/in-order.ts'
import type { Runner } from '../command.ts'
import { command, numberFrom } from '../command.ts'
import { count, duration } from '../output.ts'

type Tally = { done: number; failed: number; refused: Map<string, number>; ms: number[] }

/** A task that has no result within this is counted as failed. In milliseconds. */
const HOLD_MS = 60_000

export const bench = (run: Runner) =>
  command('bench', 'puts a small load on a master and measures its rate and times to the result', [
    'A task is queued when no slave is available, so the time to the result includes the wait. At most --at-once tasks wait.',
  ])
    .option('--tasks <N>', 'number of tasks', numberFrom(1), 5000)
    .option('--at-once <N>', 'concurrent requests', numberFrom(1), 32)
    .option(
      '--batch <N>',
      'tasks per request; with more than 1 only the rate is measured',
      numberFrom(1),
      1,
    )
    .option(
      '--expression <TEXT>',
      'expression to evaluate; {n} is the number of the task',
      'sqrt({n})',
    )
    .action(
      run(async ({ client, output, signal }, { tasks, atOnce, batch, expression }) => {
        const master = client()
        const { slots, slaves, counters } = await master.status()
        const tally: Tally = { done: 0, failed: 0, refused: new Map(), ms: [] }
        const began = performance.now()
        function* requests(): Generator<TaskRequest, void, void> {
          for (let n = 1; n <= tasks && !signal.aborted; n++) {
            yield {
              expression: expression.replaceAll('{n}', String(n)),
              queue: true,
              tags: ['bench'],
            }
          }
        }
        if (batch > 1) await many(master, requests(), { batch, atOnce, signal }, tally)
        else {
          const limits = { atOnce, ahead: 4 * atOnce }
          for await (const _ of inOrder(requests(), limits, (request) =>
            one(master, request, tally),
          ));
        }
        const seconds = (performance.now() - began) / 1000
        const sorted = tally.ms.toSorted((a, b) => a - b)
        const at = (share: number): number | null =>
          sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? null
        const found = {
          slaves: slaves.alive,
          slots: slots.total,
          tasks: tally.done + tally.failed,
          failed: tally.failed,
          refused: Object.fromEntries(tally.refused),
          seconds,
          perSecond: tally.done / seconds,
          asksPerTask:
            ((await master.status()).counters.asks - counters.asks) / Math.max(1, tally.done),
          p50Ms: at(0.5),
          p99Ms: at(0.99),
          maxMs: sorted.at(-1) ?? null,
        }
        output.show(found, () => [
          `${count(found.tasks, 'task')} in ${seconds.toFixed(1)} s: ${Math.round(found.perSecond).toLocaleString('en')} per second, by ${count(slaves.alive, 'slave')} with ${count(slots.total, 'slot')}`,
          ...(found.p50Ms === null
            ? []
            : [
                `POST to the result: ${duration(found.p50Ms)} (median), ${duration(found.p99Ms ?? 0)} (99 %), ${duration(found.maxMs ?? 0)} at most`,
              ]),
          `${found.asksPerTask.toFixed(2)} asks per task; ${tally.failed} failed${[...tally.refused]
            .map(([type, n]) => `; ${n} ${type}`)
            .join('')}`,
        ])
        if (signal.aborted) return 'stopped'
        return tally.failed > 0 || tally.refused.size > 0 ? 'failed' : 'ok'
      }),
    )

/** One task in one request: the answer is its result. */
async function one(master: Client, request: TaskRequest, tally: Tally): Promise<void> {
  const began = performance.now()
  try {
    const task = await master.submit(request, { waitMs: HOLD_MS })
    if (task.status === 'done') {
      tally.done++
      tally.ms.push(performance.now() - began)
    } else if (hasEnded(task) || task.status === 'in progress') tally.failed++
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error
    refuse(tally, error)
  }
}

async function many(
  master: Client,
  requests: Generator<TaskRequest, void, void>,
  { batch, atOnce, signal }: { batch: number; atOnce: number; signal: AbortSignal },
  tally: Tally,
): Promise<void> {
  const manners = { batchTasksMax: batch, batchesAtOnce: atOnce, signal }
  for await (const { task, problem } of master.submitMany(requests, manners)) {
    if (task?.status === 'done') tally.done++
    else if (task) tally.failed++
    else if (problem) refuse(tally, problem)
  }
}

function refuse({ refused }: Tally, { type }: ProblemError): void {
  refused.set(type, (refused.get(type) ?? 0) + 1)
}
