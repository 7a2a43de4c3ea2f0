// Events as a stream of server-sent events (WHATWG HTML, "Server-sent events"), for programs and for the
// page. Each event has the id `<run>-<number>`. A reader that reconnects with Last-Event-ID gets the events
// it missed; a `gap` event tells it how many are no longer kept.

import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { serve } from '../../../shared/http/serve.ts'
import type { EventFilter } from '../../../shared/protocol/api/watching.ts'
import { followEvents, followOverview } from '../../../shared/protocol/api/watching.ts'
import { Problem } from '../../../shared/protocol/problems.ts'
import type { Event } from '../../core/events.ts'
import type { Events } from '../../observe/events.ts'
import type { Overview } from '../../observe/overview.ts'

type Options = {
  events: Events
  overview: Overview
  /** Maximum number of open streams; further ones are refused. */
  streamsMax: number
}

/** How often collected events are written, and a keep-alive comment on a silent stream. In milliseconds. */
const FLUSH_MS = 50
const BEAT_MS = 10_000
/** How often the reader's credentials are checked again. In milliseconds. */
const LOOK_MS = 1_000
/** A reader with more unread bytes than this is disconnected; it can resume with Last-Event-ID. */
const BEHIND_BYTES_MAX = 1024 * 1024

const TYPES = ['task', 'refused', 'slave', 'job']

export async function events(app: FastifyInstance, { events, overview, streamsMax }: Options) {
  const streams = new Set<Stream>()
  /** Event ids of another run of the master cannot be resumed. */
  const run = randomUUID().slice(0, 8)
  app.addHook('preClose', async () => {
    for (const stream of streams) stream.end()
  })

  serve(app, followEvents, (request, reply) => {
    const wanted = filterOf(request.query)
    if (request.method === 'HEAD') return reply.headers(HEAD).send()
    const stream = open(request, reply)
    const send = (event: Event, number: number): void => {
      if (wanted(event)) stream.write(frame(event.type, event, `${run}-${number}`))
    }
    const last = String(request.headers['last-event-id'] ?? '')
    if (last.startsWith(`${run}-`)) {
      const { missed, events: kept } = events.since(Number(last.slice(run.length + 1)) || 0)
      if (missed > 0) stream.write(frame('gap', { missed }))
      for (const { event, number } of kept) send(event, number)
    } else if (last !== '') {
      stream.write(frame('gap', { missed: null, reason: 'the master was restarted since then' }))
    }
    // Lets a reader that loses its connection before the first event resume from here.
    stream.write(`id: ${run}-${events.newest}\n\n`)
    stream.onEnd(events.follow(send))
  })

  serve(app, followOverview, (request, reply) => {
    if (request.method === 'HEAD') return reply.headers(HEAD).send()
    const stream = open(request, reply)
    stream.onEnd(overview.view((name, data) => stream.write(frame(name, data))))
  })

  function open(request: FastifyRequest, reply: FastifyReply): Stream {
    if (streams.size >= streamsMax) {
      const detail = `${streamsMax} streams are open: close one, or raise --event-streams-max`
      throw new Problem('too-many-streams', detail)
    }
    reply.hijack()
    const stream = createStream(reply.raw)
    const look = setInterval(() => request.isStillIn() || stream.end(), LOOK_MS)
    stream.onEnd(() => clearInterval(look))
    streams.add(stream)
    stream.onEnd(() => void streams.delete(stream))
    request.raw.socket.setNoDelay(true)
    return stream
  }
}

/** One event in the wire format. `data` is an object, or JSON text. */
function frame(name: string, data: object | string, id?: string): string {
  const json = typeof data === 'string' ? data : JSON.stringify(data)
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${name}\ndata: ${json}\n\n`
}

/** A HEAD request gets only these headers, and does not count as a stream (RFC 9110, 9.3.2). */
const HEAD = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
  'x-content-type-options': 'nosniff',
}

type Stream = ReturnType<typeof createStream>

/** The stream of one reader. Writes are batched; the stream ends when the reader leaves or falls behind. */
function createStream(response: ServerResponse) {
  const after: (() => void)[] = []
  let gathered: string[] = []
  let planned: NodeJS.Timeout | undefined
  let ended = false
  response.writeHead(200, HEAD)
  response.write('retry: 1000\n\n')
  const beat = setInterval(() => write(': still here\n\n'), BEAT_MS)
  response.on('close', end)

  return {
    write,
    end,
    onEnd: (run: () => void): void => void (ended ? run() : after.push(run)),
  }

  function write(text: string): void {
    if (ended) return
    gathered.push(text)
    planned ??= setTimeout(flush, FLUSH_MS)
  }

  function flush(): void {
    planned = undefined
    const text = gathered.join('')
    gathered = []
    if (response.writableLength > BEHIND_BYTES_MAX) return end()
    response.write(text)
  }

  function end(): void {
    if (ended) return
    ended = true
    clearInterval(beat)
    clearTimeout(planned)
    for (const run of after) run()
    response.end()
  }
}

function filterOf(query: EventFilter): (event: Event) => boolean {
  const types = query.type?.split(',').map((type) => type.trim())
  const unknown = types?.find((type) => !TYPES.includes(type))
  if (unknown !== undefined) {
    throw new Problem(
      'invalid-request',
      `type must be one of ${TYPES.join(', ')}, not "${unknown}"`,
    )
  }
  const { kind, slave } = query
  const task = query.task?.toLowerCase()
  const job = query.job?.toLowerCase()
  return (event) =>
    (types === undefined || types.includes(event.type)) &&
    (task === undefined || ('task' in event && event.task === task)) &&
    (job === undefined || ('job' in event && event.job === job)) &&
    (kind === undefined || ('kind' in event && event.kind === kind)) &&
    (slave === undefined || ('slave' in event && event.slave === slave))
}
