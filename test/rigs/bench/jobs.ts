// `npm run bench-jobs [-- --short] [--only words,sum,image]`: jobs on real processes, each beside what
// one would do without askfirst, in the same run: word frequencies beside `tr | sort | uniq -c | sort`
// and an awk hash, a sum of squares beside a plain loop, image strips beside one call on the whole.

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Matrix3x3 } from 'sharp'
import { writeCorpus } from '../../../deploy/local/corpus.ts'
import type { Json } from '../../requests.ts'
import { post } from '../../requests.ts'
import { startCluster } from '../cluster/programs.ts'
import { openScope } from '../cluster/scope.ts'

const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    only: { type: 'string', default: 'words,sum,image' },
    rounds: { type: 'string', default: '3' },
  },
})
const SEPIA: Matrix3x3 = [
  [0.393, 0.769, 0.189],
  [0.349, 0.686, 0.168],
  [0.272, 0.534, 0.131],
]
const rounds = values.short ? 1 : Number(values.rounds)
const SLAVES = 2
const scope = openScope('bench-jobs')
const { folder } = scope
const corpus = join(folder, 'corpus')
const say = (line = ''): void => void process.stdout.write(`${line}\n`)

try {
  if (values.only.includes('words')) await writeCorpus(corpus)
  const { url } = await startCluster(scope, {
    data: join(folder, 'master'),
    slaves: Array.from({ length: SLAVES }, (_, i) => [
      '--data',
      join(folder, `slave-${i + 1}`),
      '--slots',
      '1',
      '--files',
      corpus,
    ]),
  })
  say(`${SLAVES} slaves of one slot, ${rounds} rounds, least times`)
  if (values.only.includes('words')) await words(url)
  if (values.only.includes('sum')) await sum(url)
  if (values.only.includes('image')) await image(url)
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

function shell(command: string): Buffer {
  return execFileSync('bash', ['-c', command], {
    cwd: corpus,
    maxBuffer: 2 ** 30,
    env: { ...process.env, LC_ALL: 'C' },
  })
}

/** The same bytes from all, or the times mean nothing. */
async function words(url: string): Promise<void> {
  const bytes = readdirSync(corpus).reduce((total, n) => total + statSync(join(corpus, n)).size, 0)
  const mb = bytes / 1e6
  const job = { kind: 'word-frequency', input: { files: 'all' } }
  await runJob(url, { ...job, input: { files: [readdirSync(corpus)[0]] } })
  const ours = await timed(() => runJob(url, job))
  const response = await fetch(`${url}/jobs/${ours.given.id}/result`)
  const result = Buffer.from(await response.arrayBuffer())
  const sorted = await timed(() =>
    shell(`cat * | tr -s ' \\t\\n\\v\\f\\r' '\\n' | sort | uniq -c | sort -k1,1nr -k2`),
  )
  const awk = await timed(() =>
    shell(
      `cat * | awk '{ for (i = 1; i <= NF; i++) n[$i]++ } END { for (w in n) print n[w], w }' | sort -k1,1nr -k2`,
    ),
  )
  const exact = shell(
    `grep -ohaE '[^[:space:]]+' -- * | sort | uniq -c | sort -k1,1nr -k2 | sed 's/^ *//'`,
  )
  say(`\nword frequencies of ${mb.toFixed(1)} MB in ${readdirSync(corpus).length} files`)
  row('askfirst', ours.ms, mb)
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

/** A large picture made of the photograph in test/fixtures. */
async function image(url: string): Promise<void> {
  const { default: sharp } = await import('sharp')
  const photo = readFileSync(new URL('../../fixtures/photo.jpg', import.meta.url))
  const width = values.short ? 1200 : 3600
  const jpeg = await sharp(photo).resize(width).jpeg({ quality: 90 }).toBuffer()
  const response = await fetch(`${url}/blobs`, {
    method: 'PUT',
    body: new Uint8Array(jpeg),
    headers: { 'content-type': 'image/jpeg' },
  })
  const { sha256 } = (await response.json()) as { sha256: string }
  const input = { image: sha256, filter: 'sepia' }
  await runJob(url, { kind: 'image-filter', input })
  const whole = await timed(() => sharp(jpeg).recomb(SEPIA).png().toBuffer())
  say(`\nsepia on a JPEG of ${width} pixels in width, result as PNG`)
  say(`one call, whole image       ${whole.ms.toFixed(0).padStart(8)} ms`)
  for (const parts of [1, 2, 4, 8]) {
    const ours = await timed(() => runJob(url, { kind: 'image-filter', input, parts }))
    const stages = ours.given.stages.map(({ name, ms }: Json) => `${name} ${ms}`).join(', ')
    const extra = ours.ms - whole.ms
    say(
      `askfirst, ${parts} strip${parts === 1 ? ' ' : 's'}         ${ours.ms.toFixed(0).padStart(8)} ms   ${extra.toFixed(0)} ms more; ${stages}`,
    )
  }
}
