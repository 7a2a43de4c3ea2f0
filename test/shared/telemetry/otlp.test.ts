import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import t from 'tap'
import { wallTime } from '../../../shared/data/clock.ts'
import { createLog } from '../../../shared/process/log.ts'
import type { Span } from '../../../shared/telemetry/otlp.ts'
import { createSpanExporter, readOtlpHeaders } from '../../../shared/telemetry/otlp.ts'

const span = (spanId: string): Span => ({
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  spanId,
  parentSpanId: null,
  traceState: null,
  name: 'task',
  kind: 'server',
  startedAt: wallTime(1_800_000_000_000.25),
  endedAt: wallTime(1_800_000_000_001),
  attributes: { text: 'a', whole: 3, part: 0.5, yes: true },
  failure: null,
})

async function exporterTo(endpoint: string) {
  const log = await createLog('test', 'silent')
  const service = { name: 'test', instance: 'one' }
  return createSpanExporter({ endpoint, headers: {}, service, log })
}

/** A collector that answers with these statuses, then with 200. */
async function startCollector(t: Test, statuses: number[]) {
  const bodies: string[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (text) => void (body += text))
    request.on('end', () => {
      bodies.push(body)
      const status = statuses.shift() ?? 200
      if (status > 0) response.writeHead(status).end()
    })
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, bodies }
}

t.test('sends what it has when it is closed, in the form of OTLP', async (t) => {
  const { url, bodies } = await startCollector(t, [])
  const exporter = await exporterTo(url)
  exporter.add(span('00f067aa0ba902b7'))
  await exporter.close()
  t.same(exporter.counts, { sent: 1, dropped: 0 })
  const [sent] = JSON.parse(bodies[0] as string).resourceSpans[0].scopeSpans[0].spans
  t.same(sent, {
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    spanId: '00f067aa0ba902b7',
    name: 'task',
    kind: 2,
    startTimeUnixNano: '1800000000000250000',
    endTimeUnixNano: '1800000000001000000',
    attributes: [
      { key: 'text', value: { stringValue: 'a' } },
      { key: 'whole', value: { intValue: '3' } },
      { key: 'part', value: { doubleValue: 0.5 } },
      { key: 'yes', value: { boolValue: true } },
    ],
    status: {},
  })
  exporter.add(span('00f067aa0ba902b8'))
  await exporter.close()
  t.equal(bodies.length, 1, 'and no more')
})

t.test('gives up what a collector does not want, and goes on', async (t) => {
  const { url } = await startCollector(t, [400])
  const exporter = await exporterTo(url)
  for (let i = 0; i < 600; i++) exporter.add(span(i.toString(16).padStart(16, '1')))
  await exporter.close()
  t.same(exporter.counts, { sent: 88, dropped: 512 })
})

t.test('holds nobody up: a collector that says nothing, or is not there', async (t) => {
  const { url } = await startCollector(t, [0])
  const exporter = await exporterTo(url)
  for (let i = 0; i < 40_000; i++) exporter.add(span('00f067aa0ba902b7'))
  t.ok(exporter.counts.dropped > 20_000, 'what finds no room')
  await exporter.close()
  const { sent, dropped } = exporter.counts
  t.equal(sent + dropped, 40_000, 'each is counted once')

  const gone = await exporterTo('http://127.0.0.1:1')
  gone.add(span('00f067aa0ba902b7'))
  await gone.close()
  t.same(gone.counts, { sent: 0, dropped: 1 })
})

t.test('reads headers as OTEL_EXPORTER_OTLP_HEADERS has them', async (t) => {
  t.same(readOtlpHeaders('a=1, b=x%20y=z'), { a: '1', b: 'x y=z' })
  t.same(readOtlpHeaders(''), {})
})
