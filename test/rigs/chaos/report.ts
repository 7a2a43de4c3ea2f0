// What a chaos run says at its end: figures, verdict, and for each finding the whole story.

import type { Finding, Row, Verdict } from './checker.ts'
import { FINDINGS } from './checker.ts'
import type { Faults } from './faults.ts'
import { readHistory } from './history.ts'
import type { Net } from './net.ts'
import { LEASE_MS } from './net.ts'
import { quantile, recoveryTimes } from './recovery.ts'

/** Stories are told of this many findings of each kind. */
const STORIES_PER_KIND = 3
const LINES_PER_STORY = 12

const out = (words: string): void => void process.stdout.write(`${words}\n`)

/** Prints everything; gives the exit code. */
export async function report(given: {
  seed: number
  quota: Record<string, number>
  tookMs: number
  quietMs: number | null
  verdict: Verdict
  net: Net
  faults: Faults
  status: Record<string, unknown> | null
  rows: () => Iterable<Row>
  historyFile: string
}): Promise<number> {
  const { verdict, net, faults, quota, seed } = given
  const { counts } = verdict
  out(`\nran ${Math.round(given.tookMs / 1000)} s, seed ${seed}`)
  out(`requests ${text(counts)}`)
  out(`refusals ${text(verdict.refusals)}`)
  out(`faults ${text(faults.counts)}; ${text(faults.oneWay)}`)
  out(`kills by point: master ${text(byPoint(net.master.kills))}`)
  out(`  slaves ${text(byPoint(net.slaves.flatMap(({ member }) => member.kills)))}`)
  const hurts = ['connections', 'delay', 'drop', 'reset', 'halfClose', 'stall', 'swallow'] as const
  const sums = hurts.map((hurt) => [hurt, net.proxies.reduce((sum, p) => sum + p.counts[hurt], 0)])
  out(`proxies ${text(Object.fromEntries(sums))}`)
  out(`master counters, last run ${JSON.stringify(given.status?.counters ?? null)}`)
  tellRecovery(given.rows(), net)
  out(
    `quiet after healing: ${given.quietMs === null ? 'never' : `${Math.round(given.quietMs)} ms`}`,
  )

  let ok = verdict.ok
  for (const { name, unasked } of net.members) {
    for (const words of unasked) {
      out(`ENDED BY ITSELF: ${name} ${words}`)
      ok = false
    }
  }
  for (const [name, least] of Object.entries(quota)) {
    const had = name === 'acknowledged' ? counts.acknowledged : (faults.counts[name] ?? 0)
    if (had >= Math.floor(least)) continue
    out(`QUOTA: ${name} ${had}, should be ${Math.ceil(least)}`)
    ok = false
  }
  if (given.quietMs === null) ok = false
  await tellStories(verdict.findings, given.rows, given.historyFile)
  out(`findings ${text(verdict.kinds)}`)
  out(ok ? `PASSED (seed ${seed})` : `FAILED (seed ${seed})`)
  return ok ? 0 : 1
}

function tellRecovery(rows: Iterable<Row>, net: Net): void {
  const kills = net.slaves.flatMap(({ member }) => member.kills)
  const times = recoveryTimes(rows, kills)
  const alone = times.filter((time) => time.alone)
  for (const [words, some] of [
    ['', times],
    [', the master not restarted meanwhile', alone],
  ] as const) {
    const [p50, p99, most] = [0.5, 0.99, 1].map((share) => quantile(some, share))
    out(
      `recovery of ${some.length} tasks held by killed slaves${words}: p50 ${ms(p50)}, ` +
        `p99 ${ms(p99)}, most ${ms(most)} (${some.at(-1)?.id}); the lease is ${LEASE_MS} ms`,
    )
  }
  for (const [words, members] of [
    ['the master', [net.master]],
    ['a slave', net.slaves.map(({ member }) => member)],
  ] as const) {
    const starts = members.flatMap(({ startMs }) => startMs).map((ms) => ({ ms }))
    starts.sort((a, b) => a.ms - b.ms)
    const [p50, p99] = [0.5, 0.99].map((share) => quantile(starts, share))
    out(`${starts.length} starts of ${words}: p50 ${ms(p50)}, p99 ${ms(p99)} until it listens`)
  }
}

async function tellStories(findings: Finding[], rows: () => Iterable<Row>, historyFile: string) {
  const told = Object.keys(FINDINGS).flatMap((kind) =>
    findings.filter((finding) => finding.kind === kind).slice(0, STORIES_PER_KIND),
  )
  if (told.length === 0) return
  const lines = new Map(told.map((finding) => [finding, [] as string[]]))
  for await (const entry of readHistory(historyFile)) {
    if (entry.code === null) continue // Mostly many of the same.
    const line = JSON.stringify(entry)
    for (const [{ id, tag }, story] of lines) {
      if (story.length >= LINES_PER_STORY) continue
      const about = (id !== '' && line.includes(id)) || (tag !== '' && line.includes(`"${tag}"`))
      if (about) story.push(line.length > 600 ? excerpt(line, id, tag) : line)
    }
  }
  const trails = new Map<string, string>()
  const ids = new Set(told.map(({ id }) => id))
  for (const row of rows()) if (ids.has(row.id)) trails.set(row.id, JSON.stringify(row))
  for (const [{ kind, id, tag, words }, story] of lines) {
    out(`\nFINDING ${kind} (${FINDINGS[kind]}): ${id} ${tag}: ${words}`)
    for (const line of story) out(`  ${line}`)
    out(`  store: ${trails.get(id) ?? 'not registered'}`)
  }
  out('')
}

/** A long line around what it says of a task. */
function excerpt(line: string, id: string, tag: string): string {
  const at = Math.max(id === '' ? -1 : line.indexOf(id), line.indexOf(`"${tag}"`), 0)
  return `${line.slice(0, 120)} ... ${line.slice(Math.max(120, at - 100), at + 300)} ...`
}

function byPoint(kills: { point: string }[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { point } of kills) counts[point] = (counts[point] ?? 0) + 1
  return counts
}

const ms = (n = Number.NaN): string => `${Math.round(n)} ms`

const text = (counts: Record<string, number>): string =>
  Object.entries(counts)
    .map(([name, n]) => `${name} ${n}`)
    .join(', ')
