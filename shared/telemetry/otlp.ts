// Spans to an OpenTelemetry collector: OTLP over HTTP, in JSON, as
// https://opentelemetry.io/docs/specs/otlp/#otlphttp says. Owns the queue, the lists and the
// repeating. Whatever the collector does, nothing waits for it: what finds no room is counted and
// dropped.
//
//   add --> queue --(LIST_MAX spans, or LINGER_MS)--> one request at a time --> again, or given up
//
// Not the OpenTelemetry SDK: that is 28 MB of packages whose peer versions exclude each other, for a
// message of one page; nothing of it but the exporter would be used, as all that a span says is in the
// task's trail already.

import { setTimeout as pause } from 'node:timers/promises'
import type { WallTime } from '../data/clock.ts'
import { msOf } from '../data/clock.ts'
import { withoutTrailingSlashes } from '../http/url.ts'
import type { Logger } from '../process/log.ts'
import { VERSION } from '../process/version.ts'

/** One span. */
export type Span = {
  traceId: string
  spanId: string
  parentSpanId: string | null
  traceState: string | null
  name: string
  /** `server`: somebody asked for it; `client`: it asked somebody. */
  kind: 'internal' | 'server' | 'client'
  startedAt: WallTime
  endedAt: WallTime
  attributes: Record<string, string | number | boolean>
  /** Why it failed, in words; null when it did not. */
  failure: string | null
}

const LIST_MAX = 512
const QUEUE_MAX = 16_384
const LINGER_MS = 1_000
const REQUEST_TIMEOUT_MS = 10_000
/** When it is closed, what is under way has this long. */
const LAST_MS = 2_000
const TRIES_MAX = 4
const RETRY_MS = 500
/** With these a collector asks for the same again (OTLP/HTTP, "Retryable Response Codes"). */
const AGAIN = [429, 502, 503, 504]
const KINDS = { internal: 1, server: 2, client: 3 } as const
const FAILED = 2

export function createSpanExporter(given: {
  /** Base URL of the collector: `/v1/traces` is added. */
  endpoint: string
  /** More headers, such as one that says who we are. */
  headers: Record<string, string>
  /** `service.name`, and what tells one such process from another. */
  service: { name: string; instance: string }
  log: Logger
}) {
  const url = `${withoutTrailingSlashes(given.endpoint)}/v1/traces`
  const resource = {
    attributes: attributesOf({
      'service.name': given.service.name,
      'service.instance.id': given.service.instance,
      'service.version': VERSION,
    }),
  }
  const scope = { name: 'askfirst', version: VERSION }
  const stopped = new AbortController()
  const over = new AbortController()
  let queue: Span[] = []
  let timer: NodeJS.Timeout | undefined
  let sending: Promise<void> | undefined
  let dropped = 0
  let sent = 0

  return {
    /** Takes a span; never waits. */
    add(span: Span): void {
      if (stopped.signal.aborted) return
      if (queue.length >= QUEUE_MAX) {
        dropped++
        return
      }
      queue.push(span)
      if (queue.length >= LIST_MAX) flush()
      else timer ??= setTimeout(flush, LINGER_MS)
    },
    /** Spans that arrived, and those that were given up. */
    get counts() {
      return { sent, dropped }
    },
    /** Sends what it has, once, for LAST_MS at most, then stops. Idempotent. */
    async close(): Promise<void> {
      flush()
      stopped.abort()
      const last = setTimeout(() => over.abort(), LAST_MS)
      await sending
      clearTimeout(last)
    },
  }

  function flush(): void {
    clearTimeout(timer)
    timer = undefined
    sending ??= sendAll().finally(() => {
      sending = undefined
    })
  }

  async function sendAll(): Promise<void> {
    while (queue.length > 0) {
      const spans = queue.slice(0, LIST_MAX)
      queue = queue.slice(LIST_MAX)
      const trouble = await send(JSON.stringify(messageOf(spans)))
      if (trouble === null) sent += spans.length
      else {
        dropped += spans.length
        given.log.warn({ reason: trouble, spans: spans.length, url }, 'spans could not be exported')
      }
    }
  }

  function messageOf(spans: Span[]) {
    const scopeSpans = [{ scope, spans: spans.map(wireSpan) }]
    return { resourceSpans: [{ resource, scopeSpans }] }
  }

  /** Null when they arrived, else why not. */
  async function send(body: string): Promise<string | null> {
    for (let tries = 1; ; tries++) {
      const { again, trouble } = await sendOnce(body)
      if (trouble === null || !again || tries === TRIES_MAX) return trouble
      if (stopped.signal.aborted) return trouble
      const waitMs = RETRY_MS * 2 ** (tries - 1)
      await pause(waitMs, undefined, { signal: stopped.signal }).catch(() => {})
    }
  }

  async function sendOnce(body: string): Promise<{ again: boolean; trouble: string | null }> {
    try {
      const reply = await fetch(url, {
        method: 'POST',
        headers: { ...given.headers, 'content-type': 'application/json' },
        body,
        redirect: 'error',
        signal: AbortSignal.any([AbortSignal.timeout(REQUEST_TIMEOUT_MS), over.signal]),
      })
      await reply.body?.cancel()
      if (reply.ok) return { again: false, trouble: null }
      return { again: AGAIN.includes(reply.status), trouble: `answered ${reply.status}` }
    } catch (error) {
      const { message, cause } = error as Error & { cause?: Error }
      return { again: true, trouble: cause?.message ?? message }
    }
  }
}

function wireSpan(span: Span) {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    ...(span.parentSpanId === null ? {} : { parentSpanId: span.parentSpanId }),
    ...(span.traceState === null ? {} : { traceState: span.traceState }),
    name: span.name,
    kind: KINDS[span.kind],
    startTimeUnixNano: nanoseconds(msOf(span.startedAt)),
    endTimeUnixNano: nanoseconds(msOf(span.endedAt)),
    attributes: attributesOf(span.attributes),
    status: span.failure === null ? {} : { code: FAILED, message: span.failure },
  }
}

/** To the microsecond, which a double has. 64-bit numbers are strings in OTLP's JSON. */
const nanoseconds = (ms: number): string => `${Math.round(ms * 1000)}000`

const attributesOf = (values: Span['attributes']) =>
  Object.entries(values).map(([key, value]) => ({ key, value: wireValue(value) }))

function wireValue(value: string | number | boolean) {
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'boolean') return { boolValue: value }
  return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value }
}

/** `key=value,key=value`, as OTEL_EXPORTER_OTLP_HEADERS is written; values may be URL-encoded. */
export function readOtlpHeaders(text: string): Record<string, string> {
  const pairs = text.split(',').map((pair) => {
    const at = pair.indexOf('=')
    return [pair.slice(0, at).trim(), decodeURIComponent(pair.slice(at + 1).trim())] as const
  })
  return Object.fromEntries(pairs.filter(([key]) => key !== ''))
}
