// Lists of hundreds of jobs and tasks that have much to show: a page stays small, and read on the pages
// give all of them.

import t from 'tap'
import { inRow } from '../../master/store/jobs/job-store.ts'
import { openHere } from '../../master/store/jobs/open.ts'
import { wallTime } from '../../shared/data/clock.ts'
import { folderOf } from '../folder.ts'
import { getJson, post } from '../requests.ts'
import { askfirst, startMaster, startSlave } from '../rigs/cluster/programs.ts'

const PAGE_BYTES_MAX = 1 << 20
const JOBS = 400
const TASKS = 900
/** Of every other job; the others have as much as a list shows. */
const LONG = 'x'.repeat(200_000)
const LISTED = 'x'.repeat(1_900)

t.test('pages of jobs with long results', async (t) => {
  const data = folderOf(t)
  // A master has been there before: files without their store are no folder of one.
  await (await startMaster(t, data)).kill('SIGTERM')
  const ids = await fill(`${data}/jobs.sqlite`)
  const { url, child } = await startMaster(t, data)

  const pages = await readAll(`${url}/jobs?limit=${JOBS}`)
  t.ok(pages.length > 1, `${pages.length} pages`)
  t.ok(pages.every(({ text }) => text.length <= PAGE_BYTES_MAX + 1_000))
  const jobs = pages.flatMap(({ body }) => body.jobs)
  t.same(
    jobs.map(({ id }) => id),
    ids.toReversed(),
  )
  t.match(jobs[0], { status: 'done', omitted: ['result'] })
  t.equal(jobs[1].result, LISTED)

  const shown = askfirst('jobs', '--limit', `${JOBS}`, '--json', '--url', url)
  t.same(
    (JSON.parse(shown) as { id: string }[]).map(({ id }) => id),
    ids.toReversed(),
  )
  const some = askfirst('jobs', '--limit', '3', '--json', '--url', url)
  t.equal((JSON.parse(some) as object[]).length, 3)
  t.equal((await getJson(`${url}/jobs/${ids.at(-1)}`)).result, LONG, 'by itself it is whole')
  t.equal(child.exitCode, null)
})

t.test('pages of tasks with many tags', async (t) => {
  const { url } = await startMaster(t, folderOf(t), ['--waiting-tasks-max', '2000'])
  await startSlave(t, url, 'slave-1', ['--kinds', 'sleep'])
  const tags = Array.from({ length: 16 }, (_, i) => `${i}-${'t'.repeat(60)}`)
  const task = { kind: 'sleep', input: { ms: 600_000 }, queue: true, tags }
  const { body } = await post(`${url}/tasks/batch`, {
    tasks: Array.from({ length: TASKS }, () => task),
  })
  const ids = (body.tasks as { id: string }[]).map(({ id }) => id)
  t.equal(ids.length, TASKS)
  for (const path of ['/tasks', '/get-tasks']) {
    const pages = await readAll(`${url}${path}?limit=1000&kind=sleep`)
    t.ok(pages.length > 1, `${pages.length} pages`)
    t.ok(pages.every(({ text }) => text.length <= PAGE_BYTES_MAX + 1_000))
    t.same(
      pages.flatMap(({ body }) => body.tasks).map(({ id }) => id),
      ids.toReversed(),
    )
  }
})

/** Jobs that have ended; gives their ids, oldest first. */
async function fill(path: string): Promise<string[]> {
  const { jobs, close } = openHere({ path })
  const ids = Array.from({ length: JOBS }, (_, i) => {
    const number = i.toString(16).padStart(12, '0')
    return `01900000-0000-7000-8000-${number}`
  })
  const input = JSON.stringify({ text: LISTED })
  const now = wallTime(Date.now())
  for (const [i, id] of ids.entries()) {
    const about = {
      kind: 'word-count',
      parts: null,
      slots: 1,
      slaves: 1,
      together: 1 as const,
      priority: 0,
      tags: '[]',
    }
    const nobody = {
      ticket: 'x',
      trace: null,
      idempotencyKey: null,
      requestHash: null,
      client: null,
    }
    const end = { endedAt: null, outcome: null, outcomeBytes: null, stages: null }
    await jobs.insert(
      {
        id,
        ...about,
        ...nobody,
        ...end,
        ...inRow(input),
        runLimitMs: 1,
        status: 'in progress',
        createdAt: now,
      },
      input,
    )
    const outcome = JSON.stringify({ result: { result: i % 2 === 1 ? LONG : LISTED } })
    await jobs.end({ id, status: 'done', endedAt: now, outcome, stages: '[]', parts: '[]' })
  }
  await close()
  return ids
}

// biome-ignore lint/suspicious/noExplicitAny: read as it comes
type Read = { text: string; body: any }

/** All pages, each as its `Link` names the next. */
async function readAll(first: string): Promise<Read[]> {
  const pages: Read[] = []
  for (let url: string | null = first; url !== null; ) {
    const response: Response = await fetch(url)
    const text = await response.text()
    pages.push({ text, body: JSON.parse(text) })
    const link = /<([^>]+)>/.exec(response.headers.get('link') ?? '')?.[1]
    t.equal(link === undefined, pages.at(-1)?.body.next === null)
    url = link === undefined ? null : new URL(link, first).href
  }
  return pages
}
