// Requests to a master or slave, for tests and rigs: JSON in and out, and waiting for a fact.

export type SlaveRow = { name: string; url: string; state: string; slots: number; free: number }

/** It is registered, its heartbeats arrive, and it has a free slot. */
export const isFree = ({ state }: SlaveRow): boolean => state === 'free'

/** Waits for a fact, looking again every few milliseconds. Throws after `mostMs`. */
export async function until(holds: () => Promise<unknown>, mostMs = 60_000): Promise<void> {
  const deadline = performance.now() + mostMs
  let last: unknown
  while (performance.now() < deadline) {
    try {
      if (await holds()) return
    } catch (error) {
      last = error
    }
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error(
    `waited ${mostMs} ms in vain for ${holds}${last instanceof Error ? `; last: ${last.message}` : ''}`,
  )
}

// biome-ignore lint/suspicious/noExplicitAny: tests read answers as they come
export type Json = any

export async function getJson(url: string, headers: Record<string, string> = {}): Promise<Json> {
  const response = await fetch(url, { headers })
  return response.json()
}

export type Answer = { status: number; headers: Headers; body: Json }

/** POSTs JSON, or text as it is; gives status, headers and the parsed body. */
export const post = (
  url: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> =>
  request('POST', url, typeof body === 'string' ? body : JSON.stringify(body), {
    'content-type': 'application/json',
    ...headers,
  })

/** Any request; gives status, headers and the body, parsed. */
export async function request(
  method: string,
  url: string,
  body?: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(url, { method, headers, ...(body === undefined ? {} : { body }) })
  return { status: response.status, headers: response.headers, body: await response.json() }
}

/** The task, once it has ended. */
export async function ended(url: string, id: string): Promise<Json> {
  let task: Json
  await until(async () => {
    task = await getJson(`${url}/tasks/${id}`, { prefer: 'wait=5' })
    return task.endedAt !== null
  })
  return task
}

/** A task that occupies a slot. */
export const sleep = (ms: number) => ({ kind: 'sleep', input: { ms } })
