// Requests made of an OpenAPI document, most of them broken somewhere.

import type { Random } from '../../../shared/data/random.ts'
import type { Json } from '../../requests.ts'

export type Thrown = {
  method: string
  path: string
  headers: Record<string, string>
  body: string | Buffer | null
}

const ODD: unknown[] = [
  null,
  true,
  '',
  0,
  -1,
  1e308,
  2 ** 53,
  'x'.repeat(5000),
  [],
  [[]],
  {},
  { __proto__: null },
  JSON.parse('{"__proto__": {"polluted": 1}}'),
  { constructor: { prototype: { polluted: 1 } } },
  '\u0000',
  '\ud800',
  '../../etc/passwd',
  '%00',
  "'; DROP TABLE tasks; --",
  '<img src=x onerror=alert(1)>',
]

const example = (value: unknown) => ({
  requestBody: { content: { 'application/json': { examples: { one: { value } } } } },
})
const OFFER = {
  attempt: 'a-1',
  task: 't-1',
  kind: 'sleep',
  input: { ms: 1 },
  runLimitMs: 100,
  files: [{ name: 'a', url: '/blobs/0', bytes: 1 }],
}
/** What a slave answers, as far as a document of it is needed here. */
export const SLAVE = {
  paths: {
    '/offers': { post: example({ offers: [OFFER, { ...OFFER, attempt: 'a-2' }] }) },
    '/attempts/revoke': { post: example({ attempts: ['a-1'] }) },
    '/attempts': { get: {} },
    '/availability': { get: {} },
    '/healthz': { get: {} },
    '/partitions/{job}/{task}/{name}': { get: {} },
  },
}

/** Gives the next request, over and over. */
export function createRequests(document: Json, random: Random): () => Thrown {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random.next() * list.length)] as T
  const operations = Object.entries(document.paths as Json).flatMap(([path, methods]) =>
    Object.entries(methods as Json).map(([method, operation]) => ({
      path,
      method: method.toUpperCase(),
      examples: Object.values(
        (operation as Json).requestBody?.content?.['application/json']?.examples ?? {},
      ).map((each) => (each as Json).value),
      query: ((operation as Json).parameters ?? [])
        .filter((each: Json) => each.in === 'query')
        .map((each: Json) => each.name as string),
    })),
  )

  return () => {
    const { path, method, examples, query } = pick(operations)
    const filled = path.replace(/\{\w+\}/g, () => encodeURIComponent(word()))
    const said = query
      .filter(() => random.next() < 0.4)
      .map((name: string) => `${name}=${encodeURIComponent(word())}`)
    const headers: Record<string, string> = {}
    if (random.next() < 0.2) headers.prefer = pick(['wait=0', 'wait=-1', 'wait=x', 'wait="0"'])
    if (random.next() < 0.2) headers['idempotency-key'] = pick(['a', 'b', 'x'.repeat(300)])
    if (random.next() < 0.1) headers.traceparent = pick(['00-0-0-0', 'x', '00-'.repeat(40)])
    const wanted = /POST|PUT|DELETE/.test(method) && random.next() < 0.9
    const body = wanted ? bodyOf(examples) : null
    if (body !== null)
      headers['content-type'] = random.next() < 0.95 ? 'application/json' : 'text/x'
    return { method, path: said.length > 0 ? `${filled}?${said.join('&')}` : filled, headers, body }
  }

  function word(): string {
    const odd = pick(ODD)
    const text = typeof odd === 'string' ? odd.toWellFormed() : JSON.stringify(odd)
    return pick([text, 'slave-1', '1', '0', '01990000-0000-7000-8000-000000000000'])
  }

  function bodyOf(examples: unknown[]): string | Buffer {
    const value = examples.length > 0 && random.next() < 0.8 ? pick(examples) : pick(ODD)
    const broken = breakUp(structuredClone(value), 0)
    const text = JSON.stringify(broken) ?? ''
    if (random.next() < 0.1) return text.slice(0, Math.floor(random.next() * text.length))
    if (random.next() > 0.05) return text
    const bytes = Buffer.from(text)
    if (bytes.length > 0) bytes[Math.floor(random.next() * bytes.length)] = 0xff
    return bytes
  }

  /** The same value with something else in some places. */
  function breakUp(value: unknown, depth: number): unknown {
    if (random.next() < 0.12) return pick(ODD)
    if (depth > 5 || typeof value !== 'object' || value === null) return value
    if (Array.isArray(value)) return value.map((each) => breakUp(each, depth + 1))
    const entries = Object.entries(value).map(([name, each]) => [name, breakUp(each, depth + 1)])
    if (random.next() < 0.1) entries.push([pick(['__proto__', 'constructor', 'x']), pick(ODD)])
    return Object.fromEntries(entries)
  }
}
