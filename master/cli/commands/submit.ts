// `askfirst submit`: one task and its result, or as many as there are lines.

import type { TaskRequest } from '../../../shared/client/client.ts'
import { hasEnded } from '../../../shared/client/client.ts'
import { UsageError } from '../../../shared/process/usage-error.ts'
import type { Runner, Session } from '../command.ts'
import { command, numberFrom } from '../command.ts'
import type { Exit } from '../exit-codes.ts'
import { resultText } from '../output.ts'
import { neededBy } from './needs.ts'
import { submitLines } from './submit-lines.ts'
import { parseJson, readText } from './text-file.ts'

/** A master that goes away while a task is waited for may be back within this. In milliseconds. */
const RETURN_MS = 60_000

const declared = () =>
  command(
    'submit',
    'submits a task and prints its result',
    [
      'Without --queue a task that no slave accepts now is refused at once, with the reason of each slave (exit code 75). A failed task gives exit code 1.',
      'Without an expression each line of standard input (or --file) is submitted as a queued task, in batches. Results are printed in the order of the lines, one per line. The line of a failed task is "failed: TYPE: message"; an empty line stays empty.',
      'Lines can be interrupted at any time, also by kill -9: the same command continues and executes no line twice. Each line is sent with the Idempotency-Key RUN:LINE:HASH: LINE is its number, HASH the SHA-256 of its request, and RUN is --run or the SHA-256 of the content of a file. For a pipe, whose content is unknown in advance, RUN is generated and printed. The results of a run are kept as long as the master keeps its tasks.',
    ],
    [
      'askfirst submit "2 + 3"',
      `askfirst submit --kind sleep --input '{"ms": 500}' --no-wait`,
      'askfirst submit < expressions.txt > results.txt',
    ],
  )
    // A leading space marks an expression that begins with a minus as no option (see program.ts).
    .argument('[EXPRESSION]', 'what to evaluate', (text) => text.trimStart())
    .option('--kind <KIND>', 'kind of the task; lines are then its inputs, as JSON', 'expression')
    .option('--input <JSON>', 'input of the kind; @FILE reads it from a file')
    .option('--scope <JSON>', 'values of variables in the expression')
    .option('--number <TYPE>', 'type of numbers: number, BigNumber, bigint, Fraction')
    .option('--no-wait', 'print the id when the task is accepted, in place of the result')
    .option('--queue', 'queue the task when no slave is available (lines always are)')
    .option(
      '--patience <SECONDS>',
      'retry refused requests as Retry-After says, for this long; default 0, for lines 60',
      numberFrom(),
    )
    .option('--priority <N>', '-100 to 100; higher priorities are served first', numberFrom(-100))
    .option('--run-limit-ms <N>', 'run limit, in milliseconds', numberFrom(1))
    .option('--wait-limit-ms <N>', 'maximum time in the queue, in milliseconds', numberFrom(1))
    .option('--tag <A,B>', 'tags, to find it by')
    .option('--needs <A,B>', 'tags that a slave must have to be asked')
    .option('--slave <NAME>', 'the only slave to be asked')
    .option('-f, --file <FILE>', 'submit each line as a task; - is standard input')
    .option('--run <NAME>', 'name of the run: the same name and line are the same task')
    .option('--again', 'submit all lines again, including those that are done')
    .option('--batch <N>', 'lines per request', numberFrom(1), 200)
    .option('--at-once <N>', 'concurrent requests', numberFrom(1), 4)

/** What the options give. */
type SubmitOptions = ReturnType<ReturnType<typeof declared>['opts']>

export const submit = (run: Runner) =>
  declared().action(
    run(async (session, expression, given): Promise<Exit> => {
      const isOne = expression !== undefined || given.input !== undefined
      if (isOne && given.file !== undefined) {
        throw new UsageError(
          'an expression or --input is one task and --file is many: give only one of them',
        )
      }
      if (isOne) return submitOne(session, given, requestOf(given, expression))
      if (given.file === undefined && process.stdin.isTTY) {
        throw new UsageError(
          'give an expression, --input, or lines on standard input; see askfirst submit --help',
        )
      }
      const toRequest = (line: number, text: string) => requestOfLine(given, line, text)
      return submitLines(session, given, given.file ?? '-', toRequest)
    }),
  )

/** A task of the command line itself. */
function requestOf(given: SubmitOptions, expression: string | undefined): TaskRequest {
  const { kind, input } = given
  if (input === undefined) {
    if (kind !== 'expression')
      throw new UsageError(`kind "${kind}" needs --input, or lines of inputs`)
    return { ...common(given), ...expressionOf(given, expression ?? '') }
  }
  if (expression !== undefined) throw new UsageError('give an expression or --input, not both')
  const text = input.startsWith('@') ? readText(input.slice(1)) : input
  return { ...common(given), kind, input: parseJson('--input', text) }
}

function requestOfLine(given: SubmitOptions, line: number, text: string): TaskRequest {
  if (given.kind === 'expression') return { ...common(given), ...expressionOf(given, text) }
  return { ...common(given), kind: given.kind, input: parseJson(`line ${line}`, text) }
}

function expressionOf({ scope, number }: SubmitOptions, expression: string) {
  return {
    expression,
    ...(scope === undefined
      ? {}
      : { scope: parseJson('--scope', scope) as Record<string, unknown> }),
    ...(number === undefined ? {} : { number: number as 'number' }),
  }
}

/** What the master is told of each task, as far as it was given. */
function common(given: SubmitOptions) {
  const { queue, priority, runLimitMs, waitLimitMs, tag } = given
  return {
    ...(queue ? { queue } : {}),
    ...(priority === undefined ? {} : { priority }),
    ...(runLimitMs === undefined ? {} : { runLimitMs }),
    ...(waitLimitMs === undefined ? {} : { waitLimitMs }),
    ...(tag === undefined ? {} : { tags: tag.split(',') }),
    ...neededBy(given),
  }
}

async function submitOne(
  { client, output, signal }: Session,
  { patience = 0, wait }: SubmitOptions,
  request: TaskRequest,
) {
  const master = client(patience * 1000)
  const accepted = await master.submit(request, { signal })
  if (!wait) {
    if (output.jsonWanted) await output.json(accepted)
    else await output.line(accepted.id)
    return 'ok'
  }
  const going = (): void =>
    output.say(['', `task ${accepted.id} continues; use askfirst task, why or cancel with this id`])
  signal.addEventListener('abort', going)
  const task = await master.wait(accepted.id, { signal, patienceMs: RETURN_MS })
  signal.removeEventListener('abort', going)
  if (output.jsonWanted) await output.json(task)
  else if (task.status === 'done') await output.line(resultText(task))
  if (task.status === 'done') return 'ok'
  if (!output.jsonWanted && hasEnded(task)) {
    const why = task.status === 'failed' ? `: ${task.failure.type}: ${task.failure.message}` : ''
    output.say([`askfirst: the task is ${task.status}${why}`, `(see askfirst why ${task.id})`])
  }
  return 'failed'
}
