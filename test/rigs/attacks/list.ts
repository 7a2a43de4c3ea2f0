// What one client does to a master. Each gives what is wrong with what became of it, in words.

import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Json } from '../../requests.ts'
import { getJson, post, request, until } from '../../requests.ts'
import { encodePng } from '../conformance/png.ts'

export type Attacked = {
  url: string
  /** kill -9 and start. */
  restart(): Promise<void>
}
export type Attack = { name: string; run(master: Attacked): Promise<string[]> }

const LONG_BYTES = 15_500_000
const BATCH = 1_000
const ITEM_BYTES = 16_000
/** Of jobs and tasks whose results are as large as they may be. */
const JOBS = 30
const TASKS = 60
/** Just below 100,000 digits, which a result may have. */
const LONG_NUMBER = '7^118000'
/** 700 KB of numbers; a result may have 1 MB. */
const LARGE_RESULT = '123456 * ones(250, 400)'
const RESULT_BYTES = 2_000_000
const REFUSED_JOBS = 5
const PARTS = 10_000
const LONG_PARTS = 60
/** 100,000,000 pixels. */
const IMAGE_SIDE = 10_000
const IMAGE_PARTS = 8
const PAGE_BYTES_MAX = 1_048_576 + 1_000
const SOCKETS = 64
const HELD_BYTES = 16 * 1_048_576
/** How long connections are held that send nothing more. */
const HELD_MS = 3_000
const ENDED_MS = 600_000

export const ATTACKS: readonly Attack[] = [
  {
    name: 'huge-numbers',
    async run({ url, restart }) {
      const input = { expression: 'n + 7^1180000', from: 1, to: 60 }
      return aJob(url, { kind: 'range-sum', input, parts: 60 }, restart)
    },
  },
  {
    name: 'long-numbers',
    async run({ url, restart }) {
      const input = { expression: 'n^9000 + 1/(n^7000 + 1)', from: 1, to: 60 }
      return aJob(url, { kind: 'range-sum', input, parts: 60 }, restart)
    },
  },
  {
    name: 'long-text',
    async run({ url, restart }) {
      const text = 'ask first. '.repeat(LONG_BYTES / 11)
      return aJob(url, { kind: 'word-count', input: { text } }, restart)
    },
  },
  {
    name: 'long-words',
    async run({ url, restart }) {
      const wrong: string[] = []
      for (const text of ['ask first. '.repeat(LONG_BYTES / 11), 'x'.repeat(LONG_BYTES)]) {
        const job = { kind: 'word-frequency', input: { text }, parts: 8 }
        wrong.push(...(await aJob(url, job, restart)))
      }
      return wrong
    },
  },
  { name: 'huge-images', run: hugeImages },
  { name: 'batch', run: aBatch },
  { name: 'huge-results', run: hugeResults },
  { name: 'large-results', run: largeResults },
  { name: 'many-parts', run: manyParts },
  { name: 'held-bodies', run: heldBodies },
]

/** Posts a job, kills the master while it runs, and waits for its end. */
async function aJob(url: string, job: object, restart: () => Promise<void>): Promise<string[]> {
  const { status, body } = await post(`${url}/jobs`, job)
  if (status !== 202) return refusedInWords(status, body)
  await sleep(500)
  await restart()
  const address = `${url}/jobs/${body.id}`
  return [...(await endsInWords(address)), ...(await fitsItsLimit(address))]
}

async function aBatch({ url, restart }: Attacked): Promise<string[]> {
  const x = 'y'.repeat(ITEM_BYTES)
  const tasks = Array.from({ length: BATCH }, (_, i) => ({
    expression: `${i} + 0 * size([x])[1]`,
    scope: { x },
    queue: true,
  }))
  const { status, body } = await post(`${url}/tasks/batch`, { tasks })
  await restart()
  if (status !== 200) return refusedInWords(status, body)
  const answers = body.tasks as Json[]
  const wrong = answers.flatMap(({ code, problem }, i) =>
    code === 202 ? [] : refusedInWords(code, problem).map((words) => `task ${i}: ${words}`),
  )
  if (answers.length !== BATCH) wrong.push(`${answers.length} answers to ${BATCH} tasks`)
  const accepted = answers.filter(({ code }) => code === 202)
  for (const { id } of accepted) {
    const faults = await endsInWords(`${url}/tasks/${id}`)
    wrong.push(...faults.map((fault) => `task ${id}: ${fault}`))
  }
  return wrong
}

/** Jobs whose results would be of megabytes are refused, by the number of their paragraphs. */
async function hugeResults({ url }: Attacked): Promise<string[]> {
  const wrong: string[] = []
  // A number for each paragraph.
  const job = { kind: 'word-count', input: { text: 'a\n\n'.repeat(RESULT_BYTES / 2) } }
  for (let i = 0; i < REFUSED_JOBS; i++) {
    const { status, body } = await post(`${url}/jobs`, job)
    if (status === 400) wrong.push(...refusedInWords(status, body))
    else wrong.push(`a job with a result of ${RESULT_BYTES} bytes: ${status}`)
    if (i === 0) process.stdout.write(`  refused with ${status}: ${body.detail}\n`)
  }
  return [...wrong, ...(await aTask(url))]
}

/** The largest results that there are, of jobs and of tasks, and lists of them. */
async function largeResults({ url }: Attacked): Promise<string[]> {
  const wrong: string[] = []
  const tasks = Array.from({ length: TASKS }, () => ({ expression: LARGE_RESULT, queue: true }))
  const { body: batch } = await post(`${url}/tasks/batch`, { tasks })
  const ids: string[] = []
  for (let i = 0; i < JOBS; i++) {
    const input = { expression: `${LONG_NUMBER} + 0 * n`, from: 1, to: 1 }
    const { status, body } = await post(`${url}/jobs`, { kind: 'range-sum', input })
    if (status === 202) ids.push(body.id)
    else wrong.push(...refusedInWords(status, body))
  }
  let bytes = 0
  for (const path of [
    ...(batch.tasks as Json[]).map(({ id }) => `/tasks/${id}`),
    ...ids.map((id) => `/jobs/${id}`),
  ]) {
    wrong.push(...(await endsInWords(`${url}${path}`)))
    bytes += (await (await fetch(`${url}${path}`)).text()).length
  }
  process.stdout.write(`  ${TASKS} tasks and ${ids.length} jobs, ${bytes} bytes in all\n`)
  const lists = [
    ['/jobs?limit=400', 'jobs', ids.length],
    ['/tasks?limit=1000', 'tasks', TASKS],
    ['/get-tasks?limit=1000', 'tasks', TASKS],
  ] as const
  for (const [path, what, least] of lists) {
    const { rows, faults } = await readList(url, path, what)
    wrong.push(...faults)
    if (rows < least) wrong.push(`${path}: ${rows} of at least ${least} rows`)
  }
  return wrong
}

/** A job of as many parts as there may be, and one whose parts give as much as they may: page by page. */
async function manyParts({ url, restart }: Attacked): Promise<string[]> {
  const paragraphs = Array.from({ length: PARTS }, (_, i) => `word ${i}`)
  const input = { expression: `n + ${LONG_NUMBER}`, from: 1, to: LONG_PARTS }
  const jobs = [
    { kind: 'word-count', input: { paragraphs }, stage: 'count', parts: PARTS },
    { kind: 'range-sum', input, stage: 'add', parts: LONG_PARTS },
  ]
  const wrong: string[] = []
  for (const { stage, parts, ...job } of jobs) {
    const asked = job.kind === 'range-sum' ? { ...job, parts } : job
    const { status, body } = await post(`${url}/jobs`, asked)
    if (status !== 202) {
      wrong.push(...refusedInWords(status, body), `${job.kind} was refused: ${status}`)
      continue
    }
    const address = `${url}/jobs/${body.id}`
    // While it runs, too, and before a master that starts anew has read it.
    wrong.push(...(await readParts(address, stage)).faults)
    await restart()
    wrong.push(...(await endsInWords(address)))
    const { rows, pages, faults } = await readParts(address, stage)
    wrong.push(...faults)
    if (rows !== parts) wrong.push(`${job.kind}: ${rows} of ${parts} parts`)
    process.stdout.write(`  ${job.kind}: ${rows} parts in ${pages} pages\n`)
  }
  return wrong
}

type Read = { rows: number; pages: number; faults: string[] }

/** All pages of a list, each as the one before names it. */
function readList(url: string, first: string, what: string): Promise<Read> {
  return readPages(`${url}${first}`, (page, response) => {
    const next = /<([^>]+)>/.exec(response.headers.get('link') ?? '')?.[1]
    return { rows: page[what].length, next: next === undefined ? null : `${url}${next}` }
  })
}

/** All parts of a stage of a job. */
function readParts(address: string, stage: string): Promise<Read> {
  const at = (offset: number) => `${address}/parts?stage=${stage}&offset=${offset}`
  return readPages(at(0), (page) => {
    const [found] = page.stages ?? []
    return { rows: found?.parts.length ?? 0, next: found?.next == null ? null : at(found.next) }
  })
}

async function readPages(
  first: string,
  look: (page: Json, response: Response) => { rows: number; next: string | null },
): Promise<Read> {
  const read: Read = { rows: 0, pages: 0, faults: [] }
  for (let address: string | null = first; address !== null; read.pages++) {
    const response: Response = await fetch(address)
    const text = await response.text()
    if (text.length > PAGE_BYTES_MAX) read.faults.push(`${address} answers ${text.length} bytes`)
    const { rows, next } = look(JSON.parse(text), response)
    read.rows += rows
    address = next
  }
  return read
}

/** An image of as many pixels as there may be; one of more is refused in words. */
async function hugeImages({ url, restart }: Attacked): Promise<string[]> {
  const wrong: string[] = []
  for (const side of [IMAGE_SIDE, IMAGE_SIDE + 1]) {
    const line = Buffer.alloc(side, 0x80)
    const data = Buffer.concat(Array.from({ length: side }, () => line))
    const file = encodePng({ width: side, height: side, channels: 1, data })
    const blob = await request('PUT', `${url}/blobs`, file, { 'content-type': 'image/png' })
    const job = { kind: 'image-filter', input: { image: blob.body.sha256, filter: 'invert' } }
    wrong.push(...(await aJob(url, { ...job, parts: IMAGE_PARTS }, restart)))
  }
  return wrong
}

/** 64 bodies that lack a byte: those that find no room are refused before they are read. */
async function heldBodies({ url }: Attacked): Promise<string[]> {
  const { host, hostname, port } = new URL(url)
  const head = `POST /jobs HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\ncontent-length: ${HELD_BYTES}\r\n\r\n`
  const body = Buffer.alloc(HELD_BYTES - 1, ' ')
  const heard: string[] = []
  const sockets = Array.from({ length: SOCKETS }, (_, i) => {
    const socket = connect(Number(port), hostname)
    socket.on('error', () => {})
    socket.on('data', (data) => {
      heard[i] = (heard[i] ?? '') + data.toString()
    })
    socket.write(head)
    socket.write(body)
    return socket
  })
  await sleep(HELD_MS)
  for (const socket of sockets) socket.destroy()
  const refused = heard.filter((text) => text !== undefined)
  process.stdout.write(`  ${refused.length} of ${SOCKETS} bodies were refused\n`)
  const unsaid = refused.filter((text) => !/^HTTP\/1.1 503 .*retry-after: \d/is.test(text))
  const wrong = unsaid
    .slice(0, 1)
    .map((text) => `${unsaid.length} answers as ${text.slice(0, 300)}`)
  if (refused.length < SOCKETS / 2) wrong.push(`only ${refused.length} bodies were refused`)
  // Others are served as before.
  return [...wrong, ...(await aTask(url))]
}

async function aTask(url: string): Promise<string[]> {
  const { status, body } = await post(`${url}/tasks`, { expression: '6 * 7', queue: true })
  return status === 202 ? endsInWords(`${url}/tasks/${body.id}`) : refusedInWords(status, body)
}

function refusedInWords(status: number, problem: Json): string[] {
  const isSaid = status >= 400 && status !== 500 && String(problem?.detail ?? '').length > 10
  return isSaid ? [] : [`refused with ${status}, ${JSON.stringify(problem).slice(0, 200)}`]
}

/** No part of the job comes near its run limit, so none is tried again because of it. */
async function fitsItsLimit(address: string): Promise<string[]> {
  const { runLimitMs, failure } = await getJson(address)
  const { stages } = await getJson(`${address}/parts`)
  const parts = (stages as Json[]).flatMap((stage) => stage.parts as Json[])
  const longestMs = Math.max(0, ...parts.map(({ ms }) => ms as number))
  const end = failure ? `failed: ${failure.message}` : 'done'
  process.stdout.write(`  ${end.slice(0, 200)}; longest part ${longestMs} of ${runLimitMs} ms\n`)
  const isOver = longestMs > runLimitMs / 3 || /time-limit/.test(failure?.type ?? '')
  return isOver ? [`a part ran for ${longestMs} ms, its limit is ${runLimitMs} ms`] : []
}

/** It is done, or it failed and says why. */
async function endsInWords(address: string): Promise<string[]> {
  let one: Json
  await until(async () => {
    one = await getJson(address, { prefer: 'wait=5' })
    return one.status !== 'pending' && one.status !== 'in progress'
  }, ENDED_MS)
  if (one.status === 'done') return []
  const message = String(one.failure?.message ?? '')
  return one.status === 'failed' && message.length > 10
    ? []
    : [`ended ${one.status}, ${JSON.stringify(one.failure)}`]
}
