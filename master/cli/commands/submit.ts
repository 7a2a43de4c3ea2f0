// `askfirst submit`: one task and its result, or as many as there are lines.

import type { TaskRequest } from '../../../shared/client/client.ts'
import { hasEnded } from '../../../shared/client/client.ts'
import { parseAsWritten } from '../../../shared/data/written-numbers.ts'
import { UsageError } from '../../../shared/process/usage-error.ts'
import type { Call, Values } from '../command.ts'
import { command } from '../command.ts'
import type { Exit } from '../exit-codes.ts'
import { resultText } from '../output.ts'
import { submitLines } from './submit-lines.ts'
import { readText } from './text-file.ts'

/** A master that goes away while a task is waited for may be back within this. In milliseconds. */
const RETURN_MS = 60_000

const options = {
  kind: {
    is: 'text',
    value: 'KIND',
    says: 'what to do; lines are then its inputs, as JSON',
    default: 'expression',
  },
  input: { is: 'text', value: 'JSON', says: 'input of the kind; @FILE reads it from a file' },
  scope: { is: 'text', value: 'JSON', says: 'values of the names in the expression' },
  number: {
    is: 'text',
    value: 'TYPE',
    says: 'what digits stand for: number, BigNumber, bigint, Fraction',
  },
  noWait: { is: 'flag', says: 'print the id as soon as the task is taken, in place of the result' },
  queue: { is: 'flag', says: 'wait in the line when no slave is available (lines always do)' },
  patience: {
    is: 'number',
    value: 'SECONDS',
    says: 'repeat what is refused, as told by Retry-After; default 0, of lines 60',
  },
  priority: { is: 'number', says: 'higher goes first in the line, -100 to 100', minimum: -100 },
  runLimitMs: { is: 'number', says: 'how long it may run', minimum: 1 },
  waitLimitMs: { is: 'number', says: 'how long it may wait in the line', minimum: 1 },
  tag: { is: 'text', value: 'A,B,...', says: 'words to find it again by' },
  file: {
    is: 'text',
    short: 'f',
    value: 'FILE',
    says: 'a task for each line of it; - is standard input',
  },
  run: {
    is: 'text',
    value: 'NAME',
    says: 'name of the run of lines: same name and line, same task',
  },
  again: { is: 'flag', says: 'do all lines anew, also those that were done before' },
  batch: { is: 'number', says: 'lines of one request', default: 200, minimum: 1 },
  atOnce: { is: 'number', says: 'requests under way', default: 4, minimum: 1 },
} as const

export type SubmitCall = Call<typeof options>

export const submit = command({
  name: 'submit',
  says: 'submits a task and prints its result',
  operands: '[EXPRESSION]',
  options,
  notes: [
    'Without --queue a task that no slave can take now is refused at once, with who said why not (code 75). A task that fails gives code 1.',
    'Without an expression the lines of standard input (or --file) are submitted, a task each, in batches that wait in the line; results are printed in the order of the lines, one line each. Of a task that failed the line is "failed: TYPE: message"; an empty line stays one.',
    'Lines can be stopped and started at any moment, also by kill -9: the same command again goes on, and does nothing twice. What has been done is known to the master: each line goes with the Idempotency-Key RUN:LINE:HASH, where LINE is its number, HASH is the SHA-256 of its request, and RUN is --run or, of a file, the SHA-256 of its content. (Of a pipe the content is not known beforehand: RUN is made up, and printed.) The results of a run are kept as long as the master keeps its tasks.',
  ],
  examples: [
    'askfirst submit "2 + 3"',
    `askfirst submit --kind sleep --input '{"ms": 500}' --no-wait`,
    'askfirst submit < expressions.txt > results.txt',
  ],
  async run(call): Promise<Exit> {
    const { values, operands } = call
    const [expression] = operands
    const isOne = expression !== undefined || values.input !== undefined
    if (isOne && values.file !== undefined) {
      throw new UsageError('an expression or --input is one task, --file is many: give one of them')
    }
    if (isOne) return submitOne(call, requestOf(values, expression))
    if (values.file === undefined && process.stdin.isTTY) {
      throw new UsageError(
        'what is to be submitted? An expression, --input, or lines on standard input; see askfirst submit --help',
      )
    }
    return submitLines(call, values.file ?? '-', (line, text) => requestOfLine(values, line, text))
  },
})

type Given = Values<typeof options>

/** A task of the command line itself. */
function requestOf(values: Given, expression: string | undefined): TaskRequest {
  const { kind, input } = values
  if (input === undefined) {
    if (kind !== 'expression')
      throw new UsageError(`kind "${kind}" needs --input, or lines of inputs`)
    return { ...common(values), ...expressionOf(values, expression ?? '') }
  }
  if (expression !== undefined) throw new UsageError('give an expression or --input, not both')
  const text = input.startsWith('@') ? readText(input.slice(1)) : input
  return { ...common(values), kind, input: json('--input', text) }
}

function requestOfLine(values: Given, line: number, text: string): TaskRequest {
  if (values.kind === 'expression') return { ...common(values), ...expressionOf(values, text) }
  return { ...common(values), kind: values.kind, input: json(`line ${line}`, text) }
}

function expressionOf({ scope, number }: Given, expression: string) {
  return {
    expression,
    ...(scope === undefined ? {} : { scope: json('--scope', scope) as Record<string, unknown> }),
    ...(number === undefined ? {} : { number: number as 'number' }),
  }
}

/** What the master is told of each task, as far as it was given. */
function common({ queue, priority, runLimitMs, waitLimitMs, tag }: Given) {
  return {
    ...(queue ? { queue } : {}),
    ...(priority === undefined ? {} : { priority }),
    ...(runLimitMs === undefined ? {} : { runLimitMs }),
    ...(waitLimitMs === undefined ? {} : { waitLimitMs }),
    ...(tag === undefined ? {} : { tags: tag.split(',') }),
  }
}

function json(from: string, text: string): unknown {
  try {
    return parseAsWritten(text)
  } catch (error) {
    throw new UsageError(`${from} is not JSON: ${(error as Error).message}`)
  }
}

async function submitOne({ values, client, output, signal }: SubmitCall, request: TaskRequest) {
  const master = client((values.patience ?? 0) * 1000)
  const accepted = await master.submit(request, { signal })
  if (values.noWait) {
    if (output.jsonWanted) await output.json(accepted)
    else await output.line(accepted.id)
    return 'ok'
  }
  const going = (): void =>
    output.say(['', `task ${accepted.id} goes on; askfirst task, why or cancel with this id`])
  signal.addEventListener('abort', going)
  const task = await master.wait(accepted.id, { signal, patienceMs: RETURN_MS })
  signal.removeEventListener('abort', going)
  if (output.jsonWanted) await output.json(task)
  else if (task.status === 'done') await output.line(resultText(task))
  if (task.status === 'done') return 'ok'
  if (!output.jsonWanted && hasEnded(task)) {
    const why = task.status === 'failed' ? `: ${task.failure.type}: ${task.failure.message}` : ''
    output.say([
      `askfirst: the task is ${task.status}${why}`,
      `(askfirst why ${task.id} says more)`,
    ])
  }
  return 'failed'
}
