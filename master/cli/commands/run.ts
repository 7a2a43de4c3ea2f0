// `askfirst run`: runs a program over many inputs on the slaves, as GNU parallel does on one machine. Here are
// its options and what it says; ../run/ has the rest.

import { createHash } from 'node:crypto'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Client } from '../../../shared/client/client.ts'
import { UsageError } from '../../../shared/process/usage-error.ts'
import type { Runner, Session } from '../command.ts'
import { command, numberFrom } from '../command.ts'
import type { Exit } from '../exit-codes.ts'
import { count, cut } from '../output.ts'
import { createBar } from '../run/bar.ts'
import type { Halt } from '../run/halt.ts'
import { parseHalt } from '../run/halt.ts'
import type { Given, Input } from '../run/inputs.ts'
import { combinations, countOf, linesOf, parseOperands } from '../run/inputs.ts'
import type { Journal } from '../run/journal.ts'
import { openJournal } from '../run/journal.ts'
import type { Ended } from '../run/outcome.ts'
import type { Template, Work } from '../run/plan.ts'
import { checkOutputs, templateOf, workOf } from '../run/plan.ts'
import { createPrinter } from '../run/printer.ts'
import type { RunEnd, Stop } from '../run/run-inputs.ts'
import { createRun, LEAVE_MS } from '../run/run-inputs.ts'
import { createTaskRuns } from '../run/task-of-input.ts'
import { createUploads } from '../run/uploads.ts'
import { AT_ONCE_MAX, createWindow } from '../run/window.ts'
import { explanationInWords } from '../words.ts'
import { neededBy } from './needs.ts'

/** For one request that is refused for now, or while no master answers. */
const PATIENCE_S = 600
/** The first request: a master that is not there is soon told. */
const FIRST = { patienceMs: 10_000 }
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/
const NAME_CHARS = 12
const LABEL_CHARS = 200

const atOnce = (text: string): number => Math.min(AT_ONCE_MAX, Math.floor(numberFrom(1)(text)))
const several = (value: string, before: string[] = []): string[] => [...before, value]

const declared = () =>
  command(
    'run',
    'runs a program over many inputs',
    [
      'As GNU parallel: the inputs follow ::: (with several :::, all combinations), or are lines of standard input. In PROGRAM ARGS, --out, --file and --results, {} is the input, {.} without extension, {/} its name without folders, {//} its folder, {/.} its name without extension, {#} its number, {2} that of the second :::. Without any of them {} is added at the end. No shell reads the words: to use one, run sh -c.',
      'An input that names a regular file is uploaded and stands under its path in the folder of the run; "/" at its beginning becomes "root/", and ".." becomes "up". --out names what the run leaves (paths or patterns): it is written under --results, by default beside the input. The output of the programs is printed in the order of the inputs, the last 64 KiB of each.',
      'The run can be stopped at any time, also by kill -9: the same command in the same folder continues it, and no input is recorded twice. Ctrl-C leaves running tasks to the slaves; a second Ctrl-C cancels them. The exit code is the highest of the programs (128 and the number of a signal; 1 for a task that failed otherwise).',
      'Slaves run programs when they are started with --commands.',
    ],
    [
      `askfirst run --out '{.}.flac' -- flac -o {.}.flac {} ::: *.wav`,
      `find . -name '*.wav' | askfirst run --out '{.}.flac' -- flac -o {.}.flac {}`,
      'askfirst run --file count.py -- python3 count.py {1} {2} ::: a b ::: 1 2 3',
    ],
  )
    .argument('<PROGRAM...>', 'the program, its arguments, and ::: INPUT...')
    .option('--file <FILE>', 'a file that each run gets; repeatable', several)
    .option('--out <GLOB>', 'a file that each run leaves, or a pattern; repeatable', several)
    .option('--results <DIR>', 'folder for what --out names; default: beside the input')
    .option(
      '--at-once <N>',
      'inputs under way at a time; default: all slots, and half more',
      atOnce,
    )
    .option('-0, --null', 'inputs on standard input end with NUL, not with a line feed')
    .option('--halt <WHEN,WHY>', 'never; soon,fail=1; now,fail=3; soon,fail=20%', 'never')
    .option('--run <NAME>', 'name of the run; default: derived from the command and the folder')
    .option('--again', 'forget what this run has done, and do all inputs')
    .option('--env <NAME[=VALUE]>', 'variable of the program; repeatable', several)
    .option('--run-limit-ms <N>', 'run limit of one input, in milliseconds', numberFrom(1))
    .option('--priority <N>', '-100 to 100; higher priorities are served first', numberFrom(-100))
    .option('--tag <A,B>', 'tags, to find the tasks by')
    .option('--patience <SECONDS>', 'for how long requests are repeated', numberFrom(), PATIENCE_S)
    .option('--needs <A,B>', 'tags that a slave must have to be asked')
    .option('--slave <NAME>', 'the only slave to be asked')
    .option('--slots <N>', 'not available yet')
    .passThroughOptions()

type RunOptions = ReturnType<ReturnType<typeof declared>['opts']>

export const run = (runner: Runner) =>
  declared().action(
    runner(async (session, operands, options): Promise<Exit | number> => {
      if (options.slots !== undefined) {
        throw new UsageError(
          '--slots is not available in this version: every task takes one slot of a slave',
        )
      }
      const given = parseOperands(operands)
      if (given.sources === null && process.stdin.isTTY) {
        throw new UsageError('give inputs after :::, or lines on standard input')
      }
      const template = templateOf(given.command, {
        sources: given.sources?.length ?? 1,
        files: options.file ?? [],
        outputs: options.out ?? [],
        results: options.results ?? null,
        env: variables(options.env ?? [], session.env),
      })
      checkOutputs(template, given.sources && countOf(given.sources))
      const halt = parseHalt(options.halt)
      const { path, name, identity } = place(session, given, options)
      const again = options.again ?? false
      const journal = await openJournal(path, { name, command: identity, again })
      const startedAt = performance.now()
      let isComplete = false
      try {
        const end = await runAll(session, { given, template, options, halt, journal, name })
        isComplete = end.stop === null
        return await tellEnd(session, end, { name, journal, startedAt })
      } finally {
        // The same command after a complete run is a new run, unless the user gave the run a name.
        await journal.close({ remove: isComplete && options.run === undefined })
      }
    }),
  )

async function runAll(
  session: Session,
  of: {
    given: Given
    template: Template
    options: RunOptions
    halt: Halt | null
    journal: Journal
    name: string
  },
): Promise<RunEnd> {
  const { output, signal: first } = session
  const { given, template, options, halt, journal, name } = of
  const { atOnce: fixed, patience } = options
  const second = session.second()
  const total = given.sources && countOf(given.sources)
  const recorded = journal.tally.succeeded + journal.tally.failed
  output.say(
    recorded === 0
      ? `run ${name}: it can be stopped, and the same command continues it`
      : `run ${name} continues: ${count(recorded, 'input')} recorded before (--again does all again)`,
  )
  const master = session.client(patience * 1000, AT_ONCE_MAX + 16)
  const leaving = new AbortController()
  const uploads = createUploads(master, leaving.signal)
  const bar = createBar(output, total)
  const print = async (ended: Ended): Promise<void> => {
    bar.clear()
    if (output.jsonWanted) await output.json(ended)
    else {
      await output.printed(ended.stdout, 'stdout')
      await output.printed(ended.stderr, 'stderr')
      const remarks = remarksOf(ended)
      if (remarks.length > 0) output.say(remarks)
    }
  }
  const window = await createWindow(() => master.slaves({ patienceMs: 0 }), {
    fixed,
    onChange: () => run?.changed(),
  })
  let isFirst = true
  const planOf = async (input: Input): Promise<Work> => {
    const work = await workOf(template, input)
    if (isFirst) {
      isFirst = false
      await requireSlave(master, work, neededBy(options))
    }
    return work
  }
  const run = createRun({
    planOf,
    runs: createTaskRuns(master, uploads, {
      nonce: journal.nonce,
      options: optionsOf(options),
      signal: leaving.signal,
    }),
    journal,
    printer: createPrinter(journal, print),
    limit: window.limit,
    halt,
    total,
    signals: { first, second },
    leaving,
    onProgress: bar.update,
    onStop(stop, running) {
      if (given.sources === null) process.stdin.destroy()
      bar.clear()
      output.say(stopInWords(stop, running))
    },
  })
  try {
    return await run.run(given.sources ? combinations(given.sources) : standardInput(options))
  } finally {
    bar.stop()
    await window.close()
  }
}

/** Which file has the progress of this run, and what must be the same when it continues. */
function place({ env }: Session, { command, sources }: Given, options: RunOptions) {
  const { run: named, file = [], out = [], results = null } = options
  if (named !== undefined && !NAME.test(named)) {
    throw new UsageError(`--run ${named}: it must consist of letters, digits, ".", "_" and "-"`)
  }
  const identity = JSON.stringify([command, file, out, results, process.cwd()])
  const all = createHash('sha256')
    .update(JSON.stringify([identity, sources]))
    .digest('hex')
  const name = named ?? all.slice(0, NAME_CHARS)
  const states = env.XDG_STATE_HOME || join(env.HOME || homedir(), '.local', 'state')
  return { identity, name, path: join(states, 'askfirst', 'runs', `${name}.jsonl`) }
}

/** Variables of the program: NAME=VALUE, or NAME with the value that it has here. */
function variables(given: string[], env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    given.map((each) => {
      const at = each.indexOf('=')
      const name = at < 0 ? each : each.slice(0, at)
      const value = at < 0 ? env[name] : each.slice(at + 1)
      if (value === undefined) throw new UsageError(`--env ${name}: there is no such variable here`)
      return [name, value]
    }),
  )
}

function optionsOf(options: RunOptions) {
  const { runLimitMs, priority, tag } = options
  return {
    ...(runLimitMs === undefined ? {} : { runLimitMs }),
    ...(priority === undefined ? {} : { priority }),
    ...(tag === undefined ? {} : { tags: tag.split(',') }),
    ...neededBy(options),
  }
}

function standardInput({ null: isNull }: RunOptions): AsyncGenerator<Input, void, void> {
  const separator = isNull ? '\0' : '\n'
  return linesOf(process.stdin as AsyncIterable<Buffer>, separator)
}

/** A program that no slave runs would wait for ever. Throws UsageError. */
async function requireSlave(
  master: Client,
  { program, args }: Work,
  needs: ReturnType<typeof neededBy>,
): Promise<void> {
  const task = { kind: 'command', input: { program, args }, ...needs }
  const explanation = await master.explain(task, FIRST)
  const able = explanation.slaves.filter(({ state }) => state !== 'unable')
  if (able.length > 0) return
  const [, ...reasons] = explanationInWords('command', explanation)
  const why =
    reasons.length === 0 ? 'no slave is registered' : reasons.map((each) => each.trim()).join('; ')
  throw new UsageError(`no slave runs "${program}": ${why}`)
}

/** What is said of an outcome beside what the program printed. */
function remarksOf({ label, failure, task, omitted }: Ended): string[] {
  const name = cut(label, LABEL_CHARS)
  const where = task === null ? '' : ` (askfirst why ${task})`
  return [
    ...(failure ? [`askfirst: ${name}: ${failure.type}: ${failure.message}${where}`] : []),
    ...(['stdout', 'stderr'] as const)
      .filter((stream) => (omitted?.[stream] ?? 0) > 0)
      .map(
        (stream) =>
          `askfirst: ${name}: the first ${count(omitted?.[stream] ?? 0, 'byte')} of ${stream} are not shown: --out ${stream} --results 'DIR/{#}' keeps all of it`,
      ),
  ]
}

function stopInWords(stop: Stop, running: number): string[] {
  const [tasks, are, go] =
    running === 1
      ? ['The task under way', 'is', 'continues']
      : [`The ${running} tasks under way`, 'are', 'continue']
  const after =
    running === 0
      ? ''
      : ` ${tasks} ${go} on the slaves; Ctrl-C again within ${LEAVE_MS / 1000} s cancels.`
  switch (stop) {
    case 'halt':
      return running === 0 ? [] : [`--halt: waiting for ${count(running, 'task')} under way`]
    case 'leave':
      return ['', `Stopping.${after}`]
    case 'cancel':
      return running === 0 ? [] : [`${tasks} ${are} cancelled.`]
    case 'broken':
      return []
  }
}

/** Says how it ended; the exit. Throws what broke it. */
async function tellEnd(
  { output }: Session,
  end: RunEnd,
  { name, journal, startedAt }: { name: string; journal: Journal; startedAt: number },
): Promise<Exit | number> {
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  const recorded = end.succeeded + end.failed
  const before = end.before === 0 ? '' : `, ${end.before.toLocaleString('en')} of them before`
  const failed = `${end.failed.toLocaleString('en')} failed`
  output.say(`run ${name}: ${count(recorded, 'input')} in ${seconds} s${before}, ${failed}`)
  if (end.stop === null) return end.exit
  output.say(
    `The same command continues the run: no input is recorded twice. Its progress is in ${journal.path}`,
  )
  if (end.stop === 'broken') throw end.error
  return end.stop === 'halt' || end.isHalted ? end.exit : 'stopped'
}
