// The reference pages are complete: every endpoint, problem, failure, metric, npm script and function of the
// client stands on its page, and every row there is of something that exists.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { createClient } from '../../shared/client/client.ts'
import type { Access } from '../../shared/protocol/contract.ts'
import { PROBLEMS } from '../../shared/protocol/problems.ts'
import { FAILURES } from '../../shared/protocol/wire.ts'
import { startQuietMaster } from '../quiet-master.ts'
import { codeIn, ROOT, readPage, section, tableRows } from './pages.ts'

const HTTP = readPage('master/http/README.md')

/** Failures that a job can have and a task cannot. */
const FAILURES_OF_JOBS = ['internal', 'unknown-kind']

/** The first cells of a section's tables, without headings. */
const rowsOf = (page: string, heading: string): string[][] =>
  tableRows(section(page, heading)).filter(([first = '']) => first.startsWith('`'))

test('every endpoint stands in the table of endpoints, with its scope', async (t) => {
  const master = await startQuietMaster(t)
  const routes = master
    .routeTable()
    .filter(({ method, contract: { tag } }) => tag !== 'hidden' && method !== 'HEAD')
  const endpoints = routes.map(({ method, path, contract }) => ({
    endpoint: `${method} ${path.replace(/:(\w+)/g, '{$1}')}`,
    scope: scopeOf(contract.access),
  }))
  t.ok(endpoints.length > 30)
  const rows = rowsOf(HTTP, 'Endpoints').map(([code = '', scope]) => ({
    endpoint: codeIn(code)[0] as string,
    scope,
  }))
  const byEndpoint = (a: Row, b: Row): number => (a.endpoint < b.endpoint ? -1 : 1)
  t.same(rows.toSorted(byEndpoint), endpoints.toSorted(byEndpoint))
})

type Row = { endpoint: string }

function scopeOf(access: Access): string {
  if (access.open) return 'open'
  const words = [access.key, access.all && 'all tasks', access.slave && 'slave']
  return words.filter((word) => typeof word === 'string').join(', ')
}

test('every problem stands in the table of problems, with its status', async (t) => {
  const rows = rowsOf(HTTP, 'Problems').map(([code = '', status]) => [
    codeIn(code)[0],
    Number(status),
  ])
  const problems = Object.entries(PROBLEMS).map(([type, [status]]) => [type, status])
  t.same(rows.toSorted(), problems.toSorted())
})

test('the table of failures has every failure, and no other', async (t) => {
  const listed = rowsOf(HTTP, 'Failures').flatMap(([code = '']) => codeIn(code))
  t.same(listed.toSorted(), [...FAILURES, ...FAILURES_OF_JOBS].toSorted())
})

test('every metric of the master stands in the table of metrics, with its type and label', async (t) => {
  const master = await startQuietMaster(t)
  const text = await (await fetch(`${master.url}/metrics`)).text()
  const metrics = [...text.matchAll(/^# TYPE (askfirst_\w+) (\w+)$/gm)].map(([, name, type]) => ({
    name,
    type,
  }))
  t.ok(metrics.length > 25)
  const page = section(readPage('master/observe/README.md'), 'Metrics')
  const [ofMaster = ''] = page.split('`GET /metrics` of a slave')
  const rows = tableRows(ofMaster)
    .map(([code = '', type]) => ({ code: codeIn(code)[0] ?? '', type }))
    .filter(({ code }) => code.startsWith('askfirst_'))
  t.same(
    rows.map(({ code, type }) => ({ name: code.replace(/\{.*/, ''), type })).toSorted(byName),
    metrics.toSorted(byName),
  )
  for (const { code } of rows) {
    const [name = '', label] = code.split(/[{}]/)
    const sample = new RegExp(`^${name}(?:_count)?\\{(\\w+)=`, 'm').exec(text)?.[1]
    if (sample !== undefined) t.equal(label, sample, `label of ${name}`)
  }
})

type Metric = { name: string | undefined }

const byName = (a: Metric, b: Metric): number => ((a.name ?? '') < (b.name ?? '') ? -1 : 1)

test('every npm script for people stands in test/README.md or README.md', async (t) => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  /** Parts of `npm run check`, and what runs by itself. */
  const others = 'typecheck format format:check lint prepare posttest posttest:system'.split(' ')
  const pages = [
    'test/README.md',
    'README.md',
    'master/README.md',
    'slave/README.md',
    'master/cli/README.md',
  ]
  const text = pages.map(readPage).join('\n')
  const missing = Object.keys(scripts).filter(
    (name) => !others.includes(name) && !new RegExp(`npm (run (-s )?)?${name}\\b`).test(text),
  )
  t.same(missing, [])
})

test('the table of the client has every function of it, and no other', async (t) => {
  const client = createClient()
  t.teardown(() => client.close())
  const rows = tableRows(readPage('shared/client/README.md'))
  const options = rows.findIndex(([heading]) => heading === 'option of `createClient`')
  const listed = rows.slice(1, options).flatMap(([code = '']) => codeIn(code))
  t.same(listed.toSorted(), Object.keys(client).toSorted())
})
