// What the clients of a chaos run saw: one line of JSON per request, with its answer or the lack of
// one. Owns the shape of these lines, their writing and their reading.

import { createReadStream, createWriteStream } from 'node:fs'
import { createInterface } from 'node:readline'

/** A task as a client asked for it, and what the client knows that it must give. */
export type Wanted = {
  /** Names this submission in its tags, so that it is known again in the store. */
  tag: string
  kind: string
  input: unknown
  /** JSON of the result; or the type of the failure that it must end with. */
  result?: string
  failure?: string
}

/** A task as an answer shows it. */
export type Seen = {
  id: string
  status: string
  /** JSON. */
  result?: string
  failure?: { type: string; message: string }
  endedAt?: string
  tags?: string[]
}

type Common = {
  n: number
  /** Milliseconds on the clients' clock: sent, and answered or given up. */
  from: number
  to: number
  /** HTTP status; null when there was no answer. */
  code: number | null
  /** Why there was no answer, or the type of the problem. */
  problem?: string
}

export type Submit = Common & {
  op: 'submit'
  key: string | null
  wanted: Wanted
  /** Prefer: wait=N was sent. */
  waited?: boolean
  seen?: Seen
}
/** Each of a batch has a code of its own. */
export type Batch = Common & {
  op: 'batch'
  wanted: Wanted[]
  each?: { code: number; problem?: string; seen?: Seen }[]
}
export type Read = Common & { op: 'read'; id: string; seen?: Seen }
/** A page without filters: it shows every task whose id is from `lowest` up to below `before`. */
export type List = Common & { op: 'list'; lowest?: string; before?: string; seen?: Seen[] }
export type Cancel = Common & { op: 'cancel'; id: string; seen?: Seen }
/** What a slave still holds at the end, when all is healed and quiet. */
export type Held = Common & { op: 'held'; slave: string; attempts: number }

export type Entry = Submit | Batch | Read | List | Cancel | Held

type Body = Record<string, unknown>

/** Takes from an answer what is judged later. */
export function toSeen(body: Body): Seen {
  const seen: Seen = { id: String(body.id), status: String(body.status) }
  if ('result' in body) seen.result = JSON.stringify(body.result)
  if (body.failure) seen.failure = body.failure as NonNullable<Seen['failure']>
  if (typeof body.endedAt === 'string') seen.endedAt = body.endedAt
  if (Array.isArray(body.tags)) seen.tags = body.tags as string[]
  return seen
}

export type History = ReturnType<typeof openHistory>
type Unnumbered<T> = T extends Entry ? Omit<T, 'n'> : never

/** Opens a history in a new file. */
export function openHistory(path: string) {
  const file = createWriteStream(path)
  let n = 0
  return {
    write(entry: Unnumbered<Entry>): void {
      file.write(`${JSON.stringify({ n: n++, ...entry })}\n`)
    },
    close: () => new Promise<void>((resolve) => file.end(resolve)),
  }
}

/** Reads a history line by line. */
export async function* readHistory(path: string): AsyncGenerator<Entry> {
  for await (const line of createInterface({ input: createReadStream(path) })) {
    if (line !== '') yield JSON.parse(line) as Entry
  }
}
