// What one client does to a master. Each gives what is wrong with what became of it, in words.

import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Json } from '../../e2e/processes.ts'
import { getJson, post, until } from '../../e2e/processes.ts'

export type Attacked = {
  url: string
  /** kill -9 and start. */
  restart(): Promise<void>
}
export type Attack = { name: string; run(master: Attacked): Promise<string[]> }

const LONG_BYTES = 15_500_000
const BATCH = 1_000
const ITEM_BYTES = 16_000
const JOBS = 30
const RESULT_BYTES = 2_000_000
const PAGE_BYTES_MAX = 1_048_576 + 1_000
const SOCKETS = 64
const HELD_BYTES = 16 * 1_048_576
/** How long connections are held that send nothing more. */
const HELD_MS = 3_000
const ENDED_MS = 240_000

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
  { name: 'batch', run: aBatch },
  { name: 'large-results', run: largeResults },
  { name: 'held-bodies', run: heldBodies },
]

/** Posts a job, kills the master while it runs, and waits for its end. */
async function aJob(url: string, job: object, restart: () => Promise<void>): Promise<string[]> {
  const { status, body } = await post(`${url}/jobs`, job)
  if (status !== 202) return refusedInWords(status, body)
  await sleep(500)
  await restart()
  return endsInWords(`${url}/jobs/${body.id}`)
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

async function largeResults({ url }: Attacked): Promise<string[]> {
  const wrong: string[] = []
  const ids: string[] = []
  let bytes = 0
  for (let i = 0; i < JOBS; i++) {
    // A number for each paragraph.
    const job = { kind: 'word-count', input: { text: 'a\n\n'.repeat(RESULT_BYTES / 2) } }
    const { status, body } = await post(`${url}/jobs`, job)
    if (status === 202) ids.push(body.id)
    else wrong.push(...refusedInWords(status, body))
  }
  for (const id of ids) {
    wrong.push(...(await endsInWords(`${url}/jobs/${id}`)))
    bytes = Math.max(bytes, (await (await fetch(`${url}/jobs/${id}`)).text()).length)
  }
  for (const path of ['/jobs?limit=400', '/tasks?limit=1000']) {
    const text = await (await fetch(`${url}${path}`)).text()
    if (text.length > PAGE_BYTES_MAX) wrong.push(`${path} answers ${text.length} bytes`)
  }
  process.stdout.write(`  largest job: ${bytes} bytes\n`)
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
