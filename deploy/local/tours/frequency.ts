// How often each word occurs in a corpus, by four slaves, byte for byte what sort and uniq say.

import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join, relative, resolve, sep } from 'node:path'
import { PIPELINE, writeCorpus } from '../corpus.ts'
import type { Fleet } from '../fleet.ts'
import { REQUEST_MS } from '../fleet.ts'

const SLAVES = ['slave-1', 'slave-2', 'slave-3', 'slave-4']
const SHOWN = 5

type Say = (line: string) => void

export async function frequency(fleet: Fleet, say: Say, given?: string): Promise<void> {
  const folder = given === undefined ? await makeCorpus(fleet, say) : resolve(given)
  for (const name of SLAVES) await fleet.slave(name, ['--files', folder])
  say(`A master and four slaves: ${SLAVES.join(', ')}.`)
  const input = { files: 'all' }
  const { id, ms, stages } = await fleet.run({ kind: 'word-frequency', input })
  say(`word-frequency of all files, in ${seconds(ms)}:\n`)
  for (const { name, total, bytes, ms } of stages) {
    const left = bytes === 0 ? '' : `, files of ${(bytes / 1e6).toFixed(1)} MB`
    say(`  ${name.padEnd(9)} ${total} ${total === 1 ? 'part' : 'parts'}, ${seconds(ms)}${left}`)
  }
  const signal = AbortSignal.timeout(REQUEST_MS)
  const response = await fetch(`${fleet.master}/jobs/${id}/result`, { signal })
  const result = Buffer.from(await response.arrayBuffer())
  const lines = result.subarray(0, 10_000).toString().split('\n', SHOWN)
  say(`\nresults.txt, ${result.length} bytes, begins:\n\n  ${lines.join('\n  ')}\n`)
  await check(folder, sha256(result), say)
}

async function makeCorpus(fleet: Fleet, say: Say): Promise<string> {
  const folder = join(fleet.folder, 'corpus')
  const { files, bytes } = await writeCorpus(folder)
  say(`A corpus of ${files} files, ${(bytes / 1e6).toFixed(1)} MB: texts of installed packages.`)
  return folder
}

async function check(folder: string, ours: string, say: Say): Promise<void> {
  if (!/GNU grep/.test(spawnSync('grep', ['--version'], { encoding: 'utf8' }).stdout ?? '')) {
    return say('Not checked: the check needs GNU grep.')
  }
  const startedAt = performance.now()
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(folder, join(parentPath, name)))
    .filter((path) => !path.split(sep).some((name) => name.startsWith('.')))
  const shell = spawn('sh', ['-c', PIPELINE, 'sh', ...files], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, LC_ALL: 'C' },
  })
  const hash = createHash('sha256')
  shell.stdout.on('data', (bytes: Buffer) => void hash.update(bytes))
  await once(shell, 'close')
  const theirs = hash.digest('hex')
  say(`SHA-256 of results.txt:                ${ours}`)
  say(`of grep | sort | uniq -c | sort | sed:  ${theirs}`)
  say(`(which took ${seconds(performance.now() - startedAt)})`)
  if (ours !== theirs) throw new Error('the result differs from that of the pipeline')
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
