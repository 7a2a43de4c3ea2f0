// What the master knows of its slaves, a line each; run on its host by host.sh. With a name: waits
// until the master has that slave and believes it well. The key comes on standard input.
//
//   node slaves.ts URL [NAME]

import { readFileSync } from 'node:fs'

type Row = { name: string; place: number; state: string; slots: number; free: number }

const WAIT_MS = 60_000
const REQUEST_MS = 10_000
const [url = '', wanted] = process.argv.slice(2)
const key = readFileSync(0, 'utf8').trim()
const deadline = performance.now() + WAIT_MS

if (wanted === undefined) {
  for (const { name, place, state, slots, free } of await slaves()) {
    process.stdout.write(`${place}. ${name}: ${state}, ${free} of ${slots} slots free\n`)
  }
} else {
  while (!(await isWell(wanted))) await new Promise((resolve) => setTimeout(resolve, 100))
}

async function isWell(name: string): Promise<boolean> {
  const state = await slaves().then(
    (rows) => rows.find((row) => row.name === name)?.state ?? 'not registered',
    (error: Error) => `unknown: ${error.message}`,
  )
  if (state === 'free' || state === 'busy') return true
  if (performance.now() < deadline) return false
  process.stderr.write(`${name} was not ready within ${WAIT_MS / 1000} s: its state is ${state}\n`)
  return process.exit(1)
}

async function slaves(): Promise<Row[]> {
  const signal = AbortSignal.timeout(REQUEST_MS)
  const headers = { authorization: `Bearer ${key}` }
  const response = await fetch(`${url}/slaves`, { headers, signal })
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
  return ((await response.json()) as { slaves: Row[] }).slaves
}
