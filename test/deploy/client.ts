// A client on the rig's network, a process of its own: it submits tasks, several at a time and without
// a pause, until it is told to stop; repeats what had no answer with the same key, as README says; then
// waits for all that it was promised, and prints what became of it as one line of JSON.
//
//   node client.ts URL < (the key, a line; the end of the input means stop)

import { randomUUID } from 'node:crypto'
import { createInterface } from 'node:readline'

const AT_A_TIME = 4
const [url = ''] = process.argv.slice(2)
const lines = createInterface({ input: process.stdin })
const key: string = (await lines[Symbol.asyncIterator]().next()).value ?? ''
let stopping = false
lines.once('close', () => {
  stopping = true
})
process.stdin.once('end', () => {
  stopping = true
})

type Task = { id: string; status: string; result?: unknown; tries: number; slave: string }
const ended: Task[] = []
let repeated = 0

process.stdout.write('begun\n')
await Promise.all(Array.from({ length: AT_A_TIME }, (_, at) => submitInTurn(at)))
const wrong = ended.filter((task) => task.status !== 'done')
const slaves = [...new Set(ended.map((task) => task.slave))].toSorted()
const tries = Math.max(...ended.map((task) => task.tries))
process.stdout.write(`${JSON.stringify({ ended: ended.length, repeated, tries, slaves, wrong })}\n`)

async function submitInTurn(at: number): Promise<void> {
  for (let turn = 0; !stopping; turn++) {
    const task =
      at === 0 ? { kind: 'sleep', input: { ms: 1_000 } } : { expression: `${turn} + ${at}` }
    const { id } = await ask<Task>('POST', '/tasks', { ...task, queue: true })
    for (;;) {
      const found = await ask<Task & { endedAt: string | null }>('GET', `/tasks/${id}`)
      if (found.endedAt === null) continue
      if (at > 0 && found.result !== turn + at) found.status = `${found.status}, wrong`
      ended.push(found)
      break
    }
  }
}

/** An answer, however often it takes. */
async function ask<Reply>(method: string, path: string, body?: object): Promise<Reply> {
  const headers: Record<string, string> = {
    authorization: `Bearer ${key}`,
    prefer: 'wait=5',
    'idempotency-key': randomUUID(),
    ...(body && { 'content-type': 'application/json' }),
  }
  for (;;) {
    try {
      const given = body ? { method, headers, body: JSON.stringify(body) } : { method, headers }
      const response = await fetch(`${url}${path}`, given)
      if (response.ok) return (await response.json()) as Reply
      if (response.status !== 503) throw new Error(`${response.status}: ${await response.text()}`)
    } catch (error) {
      // Nobody there: the master is being replaced.
      if (!(error instanceof TypeError)) throw error
    }
    repeated++
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
