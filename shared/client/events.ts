// The master's events as they happen (server-sent events). A stream that breaks is opened again where
// it broke, by the id of the last event that came.

import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { EventFilter } from '../protocol/api/watching.ts'
import type { Connection, Manners } from './connection.ts'
import { restMs } from './connection.ts'
import { UnreachableError } from './errors.ts'

/** No event is longer, in characters. */
const LINE_CHARS_MAX = 16 * 1024 * 1024

export type MasterEvent<Data = unknown> = {
  /** Goes on from here: see `lastEventId`. */
  id: string
  /** `task`, `slave`, `job`, `refused` ... */
  event: string
  data: Data
}

export type EventManners = Manners & {
  /** Begin after this event, where the master still has those that came then. */
  lastEventId?: string
}

export function createEvents({ open, url }: Connection) {
  /** Events from now on, or from `lastEventId`; ends with `signal`, or throws when no master answers. */
  return async function* stream<Data = unknown>(
    filter: EventFilter = {},
    { lastEventId, ...manners }: EventManners = {},
  ): AsyncGenerator<MasterEvent<Data>, void, void> {
    const given = Object.entries(filter).filter(([, value]) => value !== undefined)
    const query = new URLSearchParams(given as [string, string][])
    let last = lastEventId
    /** Streams in a row that ended without an event. */
    let vain = 0
    for (;;) {
      const since = last === undefined ? {} : { 'last-event-id': last }
      const headers = { accept: 'text/event-stream', ...since }
      const path = `/events?${query}`
      const { body } = await open({ method: 'GET', path, headers, endless: true, ...manners })
      try {
        for await (const event of eventsIn(body)) {
          last = event.id === '' ? last : event.id
          if (event.data === '') continue
          vain = 0
          yield { ...event, data: JSON.parse(event.data) as Data }
        }
      } catch (error) {
        if (manners.signal?.aborted) return
        if (error instanceof SyntaxError)
          throw new UnreachableError(url, 'no JSON in /events', true)
      } finally {
        body.destroy()
      }
      try {
        await sleep(restMs(vain++), undefined, manners.signal ? { signal: manners.signal } : {})
      } catch {
        return
      }
    }
  }
}

/**
 * The events of a stream, also those that say only an id, as
 * https://html.spec.whatwg.org/multipage/server-sent-events.html has them.
 */
async function* eventsIn(body: Readable): AsyncGenerator<MasterEvent<string>, void, void> {
  let event = { id: '', event: 'message', data: '' }
  for await (const line of linesIn(body)) {
    if (line === '') {
      if (event.data !== '' || event.id !== '') yield { ...event, data: event.data.slice(0, -1) }
      event = { id: event.id, event: 'message', data: '' }
      continue
    }
    const [, field = '', value = ''] = /^([^:]*)(?::[ ]?(.*))?$/s.exec(line) ?? []
    if (field === 'data') event.data += `${value}\n`
    else if (field === 'event' || field === 'id') event[field] = value
  }
}

async function* linesIn(body: Readable): AsyncGenerator<string, void, void> {
  let rest = ''
  body.setEncoding('utf8')
  for await (const text of body as AsyncIterable<string>) {
    const lines = (rest + text).split(/\r\n|\n|\r(?!$)/)
    rest = lines.pop() as string
    if (rest.length > LINE_CHARS_MAX) throw new SyntaxError('a line of /events has no end')
    yield* lines
  }
}
