// `askfirst job` and `jobs`: a job from its input to its result, stage by stage.

import { closeSync, createReadStream, createWriteStream, openSync } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import type { SingleBar } from 'cli-progress'
import { MultiBar, Presets } from 'cli-progress'
import type { Client, Job, JobRequest } from '../../../shared/client/client.ts'
import { hasEnded } from '../../../shared/client/client.ts'
import { plain } from '../../../shared/data/plain-text.ts'
import { UsageError } from '../../../shared/process/usage-error.ts'
import { UUID_PATTERN } from '../../../shared/protocol/patterns.ts'
import type { Runner } from '../command.ts'
import { command, numberFrom, upTo } from '../command.ts'
import type { Exit } from '../exit-codes.ts'
import type { Column, Output } from '../output.ts'
import { count, cut, duration, resultText } from '../output.ts'
import { parseJson, readText } from './text-file.ts'

const ID = new RegExp(UUID_PATTERN)
/** The stages are looked at this often while a job is waited for. In milliseconds. */
const LOOK_MS = 1_000
const RETURN_MS = 60_000
const RESULT_CHARS = 2_000

export const job = (run: Runner) =>
  command(
    'job',
    'starts a job or shows one, with its stages and result',
    [
      'With the id of a job in place of KIND it waits for that job (with --no-wait it shows the state). Ctrl-C ends the wait, not the job.',
    ],
    [
      'askfirst job word-count --text README.md',
      `askfirst job range-sum --input '{"expression": "n^2", "from": 1, "to": 1000000}'`,
      `askfirst job image-filter --blob image=photo.jpg --input '{"filter": "sepia"}' -o sepia.png`,
    ],
  )
    .argument('<KIND>')
    .option('--input <JSON>', 'input of the job; @FILE reads it from a file, - from standard input')
    .option('--text <FILE>', 'use the content of this file as "text" of the input')
    .option('--blob <NAME=FILE>', 'upload a file; its SHA-256 becomes NAME of the input')
    .option('--parts <N>', 'number of parts', numberFrom(1))
    .option('--priority <N>', '-100 to 100; higher priorities are served first', numberFrom(-100))
    .option('--run-limit-ms <N>', 'run limit of one part, in milliseconds', numberFrom(1))
    .option('--no-wait', 'print the id and do not wait for the end')
    .option('-o, --result <FILE>', 'write the result to this file; - is standard output')
    .action(
      run(async ({ client, output, signal }, what, { wait, result, ...given }): Promise<Exit> => {
        const master = client()
        const begun = ID.test(what)
          ? await master.getJob(what)
          : await master.submitJob(await requestOf(master, what, given), { signal })
        if (!wait) {
          if (ID.test(what)) output.show(begun, () => jobInWords(begun))
          else output.show(begun, () => begun.id)
          return 'ok'
        }
        signal.addEventListener('abort', () => {
          output.say([
            '',
            `job ${begun.id} continues; use askfirst job or askfirst cancel with this id`,
          ])
        })
        const ended = await follow(master, begun, output, signal)
        if (ended.status === 'done' && result !== undefined) {
          await writeResult(master, ended.id, result, { output, signal })
          if (result === '-') return 'ok'
          output.say(`the result is in ${result}`)
        }
        output.show(ended, () => jobInWords(ended))
        return ended.status === 'done' ? 'ok' : 'failed'
      }),
    )

type Given = Omit<JobRequest, 'kind' | 'input'> & { input?: string; text?: string; blob?: string }

async function requestOf(
  master: Client,
  kind: string,
  { input, text, blob, ...limits }: Given,
): Promise<JobRequest> {
  const given = input === undefined ? {} : parsed(input)
  const named = text === undefined ? {} : { text: readText(text) }
  const uploaded = blob === undefined ? {} : await upload(master, blob)
  return { kind, input: { ...given, ...named, ...uploaded }, ...limits }
}

async function upload(master: Client, blob: string): Promise<Record<string, string>> {
  const at = blob.indexOf('=')
  if (at < 1) throw new UsageError('--blob must be NAME=FILE, such as image=photo.jpg')
  const file = blob.slice(at + 1)
  // A file that is not there is heard of before the master is.
  closeSync(openSync(file, 'r'))
  const { sha256 } = await master.putBlob(() => createReadStream(file))
  return { [blob.slice(0, at)]: sha256 }
}

function parsed(input: string): object {
  const text =
    input === '-' ? readText('-') : input.startsWith('@') ? readText(input.slice(1)) : input
  return parseJson('--input', text) as object
}

async function writeResult(
  master: Client,
  id: string,
  file: string,
  { output, signal }: { output: Output; signal: AbortSignal },
) {
  const { body } = await master.jobResult(id, { signal })
  if (file === '-') await output.bytes(body)
  else await pipeline(body, createWriteStream(file))
}

/** Waits for the end; a bar per stage where standard error is a terminal. */
async function follow(
  master: Client,
  begun: Job,
  output: Output,
  signal: AbortSignal,
): Promise<Job> {
  const { progressTo } = output
  const patience = { signal, patienceMs: RETURN_MS }
  if (!progressTo.isTTY) return master.waitJob(begun, patience)
  const format = '{stage} {bar} {value} of {total} | {running} running | {time}'
  const bars = new MultiBar(
    { format, stream: progressTo, hideCursor: true, barsize: 24, clearOnComplete: true },
    Presets.shades_classic,
  )
  const shown = new Map<string, SingleBar>()
  try {
    for (let now = begun; ; ) {
      for (const { name, total, done, running, ms } of now.stages) {
        const bar = shown.get(name) ?? bars.create(total, 0)
        shown.set(name, bar)
        bar.update(done, { stage: plain(name).padEnd(10), running, time: duration(ms) })
      }
      if (hasEnded(now)) return now
      now = await master.waitJob(now, { ...patience, timeoutMs: LOOK_MS })
    }
  } finally {
    bars.stop()
  }
}

/** A job and its stages. */
export function jobInWords(found: Job): string[] {
  const stages = found.stages.map(({ name, total, done, running, again, ms, stragglers }) => {
    const more = [
      running > 0 ? `${running} running` : '',
      again > 0 ? `${again} again` : '',
      ...stragglers.map(
        ({ part, runningMs, usualMs }) =>
          `part ${part} runs for ${duration(runningMs)}, usual is ${duration(usualMs)}`,
      ),
    ].filter((each) => each !== '')
    return `  ${name.padEnd(10)} ${done} of ${count(total, 'part')}, ${duration(ms)}${more.length > 0 ? `; ${more.join('; ')}` : ''}`
  })
  const end =
    found.status === 'failed'
      ? [`failed: ${found.failure.type}: ${found.failure.message}`]
      : found.status === 'done'
        ? [
            `result: ${cut(resultText(found), RESULT_CHARS)}`,
            ...(found.file
              ? [`file: ${found.file.name}; askfirst job ${found.id} -o FILE writes it`]
              : []),
          ]
        : []
  return [
    `job ${found.id}, ${found.kind}, is ${found.status}, after ${duration(found.ms)}`,
    ...stages,
    ...end,
  ]
}

const columns: Column<Job>[] = [
  ['ID', ({ id }) => id],
  ['STATUS', ({ status }) => status],
  ['KIND', ({ kind }) => kind],
  ['TOOK', ({ ms }) => duration(ms)],
  [
    'STAGES',
    ({ stages }) => stages.map(({ name, done, total }) => `${name} ${done}/${total}`).join(', '),
  ],
]

export const jobs = (run: Runner) =>
  command('jobs', 'lists jobs, newest first')
    .option('--limit <N>', 'maximum number', numberFrom(1), 20)
    .action(
      run(async ({ client, output }, { limit }) => {
        const master = client()
        const found = await upTo(limit, async (page) => {
          const { jobs, next } = await master.listJobs(page)
          return { items: jobs, next }
        })
        output.show(found, () => (found.length === 0 ? 'no jobs' : output.table(found, columns)))
      }),
    )
