// `npm run bench-jobs [-- --short] [--only words,zipf,sum,image]`: jobs on real processes, each beside what
// one would do without askfirst, in the same run: word frequencies (`words`: of real text, `zipf`: of
// 100 MB of random text) beside `tr | sort | uniq -c | sort` and a hash in awk (Debian: mawk), a sum of
// squares beside a plain loop, image strips beside one call on the whole (medians of the rounds).

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { writeCorpus } from '../../../deploy/local/corpus.ts'
import type { Json } from '../../requests.ts'
import { post } from '../../requests.ts'
import { startCluster } from '../cluster/programs.ts'
import { openScope } from '../cluster/scope.ts'
import { imageStrips, stagesOf } from './image-strips.ts'
import { writeZipfText } from './zipf-text.ts'

const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    only: { type: 'string', default: 'words,zipf,sum,image' },
    rounds: { type: 'string', default: '3' },
  },
})
const rounds = values.short ? 1 : Number(values.rounds)
const SLAVES = 2
const scope = openScope('bench-jobs')
const { folder } = scope
/** What the slaves may read: a folder of texts each. */
const texts = join(folder, 'texts')
const ZIPF_BYTES = values.short ? 20_000_000 : 100_000_000
const say = (line = ''): void => void process.stdout.write(`${line}\n`)

try {
  if (values.only.includes('words')) await writeCorpus(join(texts, 'words'))
  mkdirSync(join(texts, 'zipf'), { recursive: true })
  if (values.only.includes('zipf')) writeZipfText(join(texts, 'zipf/zipf.txt'), ZIPF_BYTES)
  const cluster = await startCluster(scope, {
    data: join(folder, 'master'),
    slaves: Array.from({ length: SLAVES }, (_, i) => [
      '--data',
      join(folder, `slave-${i + 1}`),
      '--slots',
      '1',
      '--files',
      texts,
    ]),
  })
  const { url } = cluster
  say(`${SLAVES} slaves of one slot, ${rounds} rounds, least times where nothing else is said`)
  for (const text of ['words', 'zipf']) if (values.only.includes(text)) await words(url, text)
  if (values.only.includes('sum')) await sum(url)
  if (values.only.includes('image'))
    await imageStrips({ ...cluster, width: values.short ? 1200 : 3600, rounds, runJob, say })
} finally {
  await scope.close()
}

/** The least time of some rounds, in milliseconds, and what the last gave. */
async function timed<T>(run: () => T | Promise<T>): Promise<{ ms: number; given: T }> {
  let least = Number.POSITIVE_INFINITY
  for (let round = 1; ; round++) {
    const startedAt = performance.now()
    const given = await run()
    least = Math.min(least, performance.now() - startedAt)
    if (round >= rounds) return { ms: least, given }
  }
}

async function runJob(url: string, job: object): Promise<Json> {
  const { body } = await post(`${url}/jobs`, job, { prefer: 'wait=300' })
  if (body.status !== 'done') throw new Error(`the job failed: ${JSON.stringify(body)}`)
  return body
}

function shell(text: string, command: string): Buffer {
  return execFileSync('bash', ['-c', command], {
    cwd: join(texts, text),
    maxBuffer: 2 ** 30,
    env: { ...process.env, LC_ALL: 'C' },
  })
}

/** The same bytes from all, or the times mean nothing. */
async function words(url: string, text: string): Promise<void> {
  const names = readdirSync(join(texts, text))
  const bytes = names.reduce((total, name) => total + statSync(join(texts, text, name)).size, 0)
  const mb = bytes / 1e6
  const files = names.map((name) => `${text}/${name}`)
  const job = { kind: 'word-frequency', input: { files } }
  await runJob(url, { ...job, input: { text: 'the executors are started by a first job' } })
  const ours = await timed(() => runJob(url, job))
  const response = await fetch(`${url}/jobs/${ours.given.id}/result`)
  const result = Buffer.from(await response.arrayBuffer())
  const sorted = await timed(() =>
    shell(text, `cat * | tr -s ' \\t\\n\\v\\f\\r' '\\n' | sort | uniq -c | sort -k1,1nr -k2`),
  )
  const awk = await timed(() =>
    shell(
      text,
      `cat * | awk '{ for (i = 1; i <= NF; i++) n[$i]++ } END { for (w in n) print n[w], w }' | sort -k1,1nr -k2`,
    ),
  )
  const exact = shell(
    text,
    `grep -ohaE '[^[:space:]]+' -- * | sort | uniq -c | sort -k1,1nr -k2 | sed 's/^ *//'`,
  )
  say(`\nword frequencies of ${mb.toFixed(1)} MB in ${names.length} files`)
  row('askfirst', ours.ms, mb)
  say(`the stages of its last round, in ms: ${stagesOf(ours.given)}`)
  row('tr | sort | uniq -c | sort', sorted.ms, mb, ours.ms)
  row('awk hash | sort', awk.ms, mb, ours.ms)
  const same = shaOf(result) === shaOf(exact)
  say(`the result is ${same ? '' : 'NOT '}byte for byte that of grep -o | sort | uniq -c | sort`)
  if (!same) process.exitCode = 1
}

function row(name: string, ms: number, mb: number, ours?: number): void {
  const ratio = ours === undefined ? '' : `   askfirst is ${(ms / ours).toFixed(1)} times as fast`
  say(
    `${name.padEnd(28)}${(ms / 1000).toFixed(2).padStart(8)} s${(mb / (ms / 1000)).toFixed(1).padStart(8)} MB/s${ratio}`,
  )
}

function shaOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

async function sum(url: string): Promise<void> {
  const to = values.short ? 10_000_000 : 100_000_000
  const input = { expression: 'n^2', from: 1, to }
  const ours = await timed(() => runJob(url, { kind: 'range-sum', input }))
  const loop = await timed(() => {
    let total = 0n
    for (let n = 1n; n <= BigInt(to); n++) total += n * n
    return total
  })
  const doubles = await timed(() => {
    let total = 0
    for (let n = 1; n <= to; n++) total += n * n
    return total
  })
  const right = ours.given.resultText === String(loop.given)
  say(
    `\nthe sum of the first ${to} squares: ${ours.given.resultText} (${right ? 'right' : 'WRONG'})`,
  )
  const line = (name: string, ms: number, what: string): void =>
    say(`${name.padEnd(28)}${(ms / 1000).toFixed(2).padStart(8)} s   ${what}`)
  line('askfirst, exact', ours.ms, '')
  line(
    'plain loop of bigint',
    loop.ms,
    `askfirst is ${(loop.ms / ours.ms).toFixed(1)} times as fast`,
  )
  line(
    'plain loop of doubles',
    doubles.ms,
    `askfirst takes ${(ours.ms / doubles.ms).toFixed(1)} times as long; its sum is off by ${BigInt(doubles.given) - loop.given}`,
  )
  if (!right) process.exitCode = 1
}
