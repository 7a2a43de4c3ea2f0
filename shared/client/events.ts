// The master's events as they happen (server-sent events). A stream that breaks is opened again from
// the id of the last event that arrived.

import { setTimeout as sleep } from 'node:timers/promises'
import { createParser } from 'eventsource-parser'
import type { EventFilter } from '../protocol/api/watching.ts'
import type { Connection, Manners } from './connection.ts'
import { queryOf, restMs } from './connection.ts'
import { UnreachableError } from './errors.ts'

/** A longer event is an error, in characters. */
const EVENT_CHARS_MAX = 16 * 1024 * 1024

export type MasterEvent<Data = unknown> = {
  /** A stream can continue after this event: see `lastEventId`. */
  id: string
  /** `task`, `slave`, `job`, `refused` ... */
  event: string
  data: Data
}

type EventManners = Manners & {
  /** Begin after this event, if the master still has the events after it. */
  lastEventId?: string
}

export function createEvents({ open, url }: Connection) {
  /** Events from now on, or from `lastEventId`; ends with `signal`, or throws when no master answers. */
  return async function* stream<Data = unknown>(
    filter: EventFilter = {},
    { lastEventId, ...manners }: EventManners = {},
  ): AsyncGenerator<MasterEvent<Data>, void, void> {
    const path = `/events${queryOf(filter)}`
    let last = lastEventId
    /** Streams in a row that ended without an event. */
    let vain = 0
    const found: MasterEvent<string>[] = []
    for (;;) {
      const since = last === undefined ? {} : { 'last-event-id': last }
      const headers = { accept: 'text/event-stream', ...since }
      const { body } = await open({ method: 'GET', path, headers, endless: true, ...manners })
      const parser = createParser({
        maxBufferSize: EVENT_CHARS_MAX,
        // Also for an id without an event: the master sends one at the start of a stream.
        onId: (id) => void (last = id === '' ? last : id),
        onEvent({ event = 'message', data }) {
          if (data !== '') found.push({ id: last ?? '', event, data })
        },
        onError({ type, message }) {
          if (type === 'max-buffer-size-exceeded') throw new SyntaxError(message)
        },
      })
      try {
        for await (const text of body.setEncoding('utf8') as AsyncIterable<string>) {
          parser.feed(text)
          for (const event of found.splice(0)) {
            vain = 0
            yield { ...event, data: JSON.parse(event.data) as Data }
          }
        }
      } catch (error) {
        if (manners.signal?.aborted) return
        if (error instanceof SyntaxError)
          throw new UnreachableError(url, '/events sent data that is not JSON', true)
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
