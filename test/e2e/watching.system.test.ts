// What an operator plugs in, on a real master and slave: metrics, traces and log lines that tell the
// same story of the same tasks.

import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Test } from 'tap'
import t from 'tap'
import { folderOf } from '../folder.ts'
import { promtool, skipPromtool } from '../promtool.ts'
import type { Json } from '../requests.ts'
import { ended, getJson, post, sleep, until } from '../requests.ts'
import { startProcess } from '../rigs/cluster/programs.ts'

const MONITORING = join(import.meta.dirname, '../../deploy/monitoring')
const CLIENT_TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const CLIENT_SPAN = '00f067aa0ba902b7'
const traceparent = (flags: string, trace = CLIENT_TRACE) => `00-${trace}-${CLIENT_SPAN}-${flags}`

/** A collector of spans: OTLP over HTTP. The first request of all is told to come again. */
async function startCollector(t: Test) {
  const spans: Json[] = []
  const requests: { url: string | undefined; type: string | undefined; key: unknown }[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (text) => void (body += text))
    request.on('end', () => {
      const { url, headers } = request
      requests.push({ url, type: headers['content-type'], key: headers['x-key'] })
      if (requests.length === 1) return response.writeHead(503).end()
      for (const { resource, scopeSpans } of JSON.parse(body).resourceSpans) {
        for (const { spans: list } of scopeSpans) {
          for (const span of list) spans.push({ ...span, resource })
        }
      }
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, spans, requests }
}

const attributeOf = ({ attributes }: Json, key: string): unknown => {
  const found = attributes.find((attribute: Json) => attribute.key === key)
  return found && Object.values(found.value)[0]
}

/** The figures of /metrics by name and labels, as they stand there. */
async function figures(url: string): Promise<Map<string, number>> {
  const text = await (await fetch(`${url}/metrics`)).text()
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ')
      return [line.slice(0, at), Number(line.slice(at + 1))]
    }),
  )
}

const linesOf = (text: string): Json[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line))

t.test('a master that is watched', async (t) => {
  const collector = await startCollector(t)
  const master = await startProcess(
    t,
    'master/main.ts',
    [
      '--port',
      '0',
      '--data',
      folderOf(t),
      '--log-level',
      'debug',
      '--otlp-endpoint',
      collector.url,
    ],
    { ASKFIRST_OTLP_HEADERS: 'x-key=hunter2' },
  )
  const { url } = master
  const slave = await startProcess(t, 'slave/main.ts', [
    '--port',
    '0',
    '--name',
    'slave-1',
    '--master',
    url,
    '--executors',
    '1',
    '--log-level',
    'debug',
  ])
  await until(async () => (await getJson(`${url}/slaves`)).slaves[0]?.state === 'free')
  const wait = { prefer: 'wait=60' }

  // The story: one task of a client's trace, one of its own, one that fails, one that is refused
  // while another runs, one that nobody wants traced.
  const traced = await post(
    `${url}/tasks`,
    { expression: '2 + 3' },
    { ...wait, traceparent: traceparent('01'), tracestate: 'shop=7' },
  )
  const plain = await post(`${url}/tasks`, { expression: '6 * 7' }, wait)
  const failed = await post(`${url}/tasks`, { expression: '[1, 2] + [1, 2, 3]' }, wait)
  const unwanted = await post(
    `${url}/tasks`,
    { expression: '1' },
    { ...wait, traceparent: traceparent('00', 'a'.repeat(32)) },
  )
  await post(`${url}/tasks`, sleep(5), wait)
  const long = await post(`${url}/tasks`, sleep(5_000))
  const refused = await post(`${url}/tasks`, sleep(1), {
    traceparent: traceparent('01', 'b'.repeat(32)),
  })
  const job = await post(
    `${url}/jobs`,
    { kind: 'word-count', input: { text: 'ask first' } },
    { ...wait, traceparent: traceparent('01', 'c'.repeat(32)) },
  )
  t.match(
    [traced, plain, failed, unwanted, refused, job].map(({ status }) => status),
    [200, 200, 200, 200, 503, 200],
  )
  await ended(url, long.body.id)
  // Before promtool runs: that stops this process, and a collector that answers late is sent spans twice.
  const arrived = (what: string): number =>
    collector.spans.filter(({ name }) => name.startsWith(`${what} `)).length
  await until(async () => arrived('job') > 0 && arrived('task') >= 7)
  t.same([arrived('job'), arrived('task')], [1, 7])

  t.test('counts it, in figures that agree', async (t) => {
    const all = await figures(url)
    const is = (name: string) => all.get(name)
    t.equal(is('askfirst_tasks_accepted_total'), 7)
    t.equal(is('askfirst_tasks_ended_total{status="done"}'), 6)
    t.equal(is('askfirst_tasks_ended_total{status="failed"}'), 1)
    t.equal(is('askfirst_tasks_failed_total{type="evaluation"}'), 1)
    t.equal(is('askfirst_refusals_total{problem="at-capacity"}'), 1)
    t.equal(is('askfirst_task_run_seconds_count{kind="expression"}'), 4)
    t.equal(is('askfirst_task_run_seconds_count{kind="sleep"}'), 2)
    t.ok((is('askfirst_task_run_seconds_sum{kind="sleep"}') as number) > 1.5)
    t.equal(is('askfirst_task_wait_seconds_count{kind="expression"}'), 4)
    t.equal(is('askfirst_ask_seconds_count{answer="taken"}'), 7)
    t.equal(is('askfirst_asks_per_task_count'), 8, 'of each that was taken or refused')
    t.equal(is('askfirst_asks_per_task_bucket{le="0"}'), 1, 'the refused one: it was known')
    t.equal(is('askfirst_retry_after_error_seconds_count'), 1)
    t.ok((is('askfirst_store_commit_seconds_count') as number) > 7)
    t.equal(is('askfirst_slots{state="free"}'), 1)
    t.equal(is('askfirst_slaves{state="free"}'), 1)
    t.equal(is('askfirst_tasks_running'), 0)
    t.ok((is('process_resident_memory_bytes') as number) > 1e6)
    t.ok(all.has('nodejs_eventloop_lag_p99_seconds'))
  })

  t.test('says it as Prometheus reads it', { skip: skipPromtool }, async (t) => {
    const text = await (await fetch(`${url}/metrics`)).text()
    t.same(promtool(['check', 'metrics'], text), { ok: true, said: '' })
    t.notOk(promtool(['check', 'metrics'], `${text}nonsense`).ok, 'and not everything is')
  })

  t.test('never has an id or a name as a label', async (t) => {
    const all = [...(await figures(url)).keys()]
    t.same(
      all.filter((name) => /[0-9a-f]{8}-|slave-1/.test(name)),
      [],
    )
    t.ok(all.length < 500, `${all.length} series`)
  })

  t.test('has every metric that the dashboard and the alerts name', async (t) => {
    const all = [...(await figures(url)).keys()].map((name) => name.replace(/\{.*/, ''))
    const known = new Set(all)
    const dashboard = JSON.parse(readFileSync(join(MONITORING, 'dashboard.json'), 'utf8'))
    const asked: string[] = dashboard.panels.flatMap(({ targets = [] }: Json) =>
      targets.map(({ expr }: Json) => expr),
    )
    t.ok(asked.length > 10)
    const places = new Set(dashboard.panels.map(({ gridPos: { x, y } }: Json) => `${x} ${y}`))
    t.equal(places.size, dashboard.panels.length, 'no panel upon another')
    const rules = readFileSync(join(MONITORING, 'alerts.yml'), 'utf8')
    const named = [...asked, rules].flatMap((text) => [
      ...text.matchAll(/\b(?:askfirst|nodejs|process)_[a-z0-9_]+/g),
    ])
    t.ok(named.length > 30)
    t.same([...new Set(named.map(([name]) => name).filter((name) => !known.has(name)))], [])
  })

  t.test('lists every alert where its rules are explained', async (t) => {
    const rules = readFileSync(join(MONITORING, 'alerts.yml'), 'utf8')
    const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name]) => name)
    t.ok(alerts.length > 10)
    const readme = readFileSync(join(MONITORING, 'README.md'), 'utf8')
    const listed = [...readme.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name)
    t.same(listed.toSorted(), alerts.toSorted())
  })

  t.test('has alerts that Prometheus takes', { skip: skipPromtool }, async (t) => {
    t.match(promtool(['check', 'rules', join(MONITORING, 'alerts.yml')]), { ok: true })
    t.match(promtool(['test', 'rules', join(MONITORING, 'alerts.test.yml')]), { ok: true })
  })

  t.test('sends spans of each task, its asks and its runs', async (t) => {
    const { spans, requests } = collector
    t.match(requests[1], { url: '/v1/traces', type: 'application/json', key: 'hunter2' })
    const of = (traceId: string) => spans.filter((span) => span.traceId === traceId)
    const named = (traceId: string, name: string) => of(traceId).find((span) => span.name === name)

    const whole = named(CLIENT_TRACE, 'task expression')
    t.match(whole, { parentSpanId: CLIENT_SPAN, traceState: 'shop=7', status: {} })
    t.equal(attributeOf(whole, 'askfirst.task'), traced.body.id)
    t.match(named(CLIENT_TRACE, 'ask'), { parentSpanId: whole.spanId })
    t.match(named(CLIENT_TRACE, 'run'), { parentSpanId: whole.spanId })
    t.equal(attributeOf(named(CLIENT_TRACE, 'run'), 'askfirst.slave'), 'slave-1')
    t.equal(attributeOf(whole.resource, 'service.name'), 'askfirst-master')
    for (const { startTimeUnixNano: from, endTimeUnixNano: to, spanId } of spans) {
      t.match(spanId, /^[0-9a-f]{16}$/)
      t.ok(BigInt(from) <= BigInt(to) && BigInt(to) < 2n ** 63n)
    }
    t.equal(new Set(spans.map(({ spanId }) => spanId)).size, spans.length, 'each span is one')

    const own = plain.body.id.replaceAll('-', '')
    t.equal(named(own, 'task expression').parentSpanId, undefined, 'a trace of its own')
    const broken = named(failed.body.id.replaceAll('-', ''), 'task expression')
    t.match(broken.status, { code: 2, message: /^evaluation: / })
    t.match(named('b'.repeat(32), 'task sleep').status, { code: 2, message: /no slave/ })
    t.same(of('a'.repeat(32)), [], 'what nobody wants is not sent')
    const part = named('c'.repeat(32), 'task word-count')
    t.equal(part.parentSpanId, named('c'.repeat(32), 'job word-count').spanId)
  })

  t.test('has figures of its slave too', async (t) => {
    const all = await figures(slave.url)
    t.equal(all.get('askfirst_slave_answers_total{answer="taken"}'), 7)
    t.equal(all.get('askfirst_slave_ended_total{status="done"}'), 6)
    t.equal(all.get('askfirst_slave_ended_total{status="failed"}'), 1)
    t.equal(all.get('askfirst_slave_run_seconds_count'), 7)
    t.equal(all.get('askfirst_slave_slots{state="free"}'), 1)
    t.equal(all.get('askfirst_slave_outbox'), 0)
    if (skipPromtool) return
    const text = await (await fetch(`${slave.url}/metrics`)).text()
    t.same(promtool(['check', 'metrics'], text), { ok: true, said: '' })
  })

  t.test('keeps the trace with the task', async (t) => {
    t.equal((await getJson(`${url}/tasks/${traced.body.id}`)).traceId, CLIENT_TRACE)
    t.equal((await getJson(`${url}/jobs/${job.body.id}`)).traceId, 'c'.repeat(32))
  })

  t.test('writes the trace in every line about a task, on both sides', async (t) => {
    const about = (text: string) => linesOf(text).filter(({ task }) => task === traced.body.id)
    for (const [who, text] of [
      ['master', master.stderr()],
      ['slave', slave.stderr()],
    ] as const) {
      const lines = about(text)
      t.same(
        lines.map(({ msg }) => msg),
        ['taken', who === 'master' ? 'done' : 'ended'],
      )
      for (const line of lines) t.equal(line.traceId, CLIENT_TRACE, `${who}: ${line.msg}`)
    }
    const all = linesOf(master.stderr())
    t.match(
      all.find(({ msg }) => msg === 'refused'),
      { problem: 'at-capacity', traceId: 'b'.repeat(32) },
    )
    t.match(
      all.find(({ msg }) => msg === 'joined'),
      { level: 30, slave: 'slave-1' },
    )
    t.same(
      all.filter(({ task, traceId }) => task && !traceId),
      [],
    )
    t.notMatch(master.stderr(), 'hunter2')
  })
})
