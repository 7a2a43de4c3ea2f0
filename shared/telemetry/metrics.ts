// Metrics for Prometheus, read when they are asked for: nothing is counted twice, and a scrape is the
// only cost. Owns names, types and the text (prom-client's); what is measured its users know. No id is
// ever a label, and labels have few values.

import type { Metric } from 'prom-client'
import { collectDefaultMetrics, Registry } from 'prom-client'
import type { Family, Histogram } from '../data/histogram.ts'
import type { ClockSteps } from '../process/clock-watch.ts'
import { VERSION } from '../process/version.ts'

type Labels = Record<string, string>
type Value = { value: number; labels: Labels; metricName?: string }

/** prom-client's gauges that are called like counters, which promtool refuses. */
const MISNAMED = ['handles', 'requests', 'resources'].map((of) => `nodejs_active_${of}_total`)

/** Values by the word of one label. */
export type ByWord = Record<string, number>

export type Metrics = ReturnType<typeof createMetrics>

/** `askfirst_info` and the figures of the process are there already. */
export function createMetrics() {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  for (const name of MISNAMED) registry.removeSingleMetric(name)
  add('askfirst_info', 'The version that runs.', 'gauge', () => [
    { value: 1, labels: { version: VERSION } },
  ])

  return {
    contentType: registry.contentType,
    /** All of them, as Prometheus reads them. */
    text: (): Promise<string> => registry.metrics(),

    gauge: (name: string, help: string, read: () => number): void =>
      add(name, help, 'gauge', () => [{ value: read(), labels: {} }]),
    counter: (name: string, help: string, read: () => number): void =>
      add(name, help, 'counter', () => [{ value: read(), labels: {} }]),
    gauges: (name: string, help: string, label: string, read: () => ByWord | Promise<ByWord>) =>
      add(name, help, 'gauge', async () => byWord(label, await read())),
    counters: (name: string, help: string, label: string, read: () => ByWord) =>
      add(name, help, 'counter', () => byWord(label, read())),
    /** `per` is what one of the metric's units is in the histogram's: 1000 for seconds. */
    histogram: (name: string, help: string, per: number, read: () => Histogram) =>
      add(name, help, 'histogram', () => places(name, read(), per, {})),
    histograms: (name: string, help: string, per: number, label: string, read: () => Family) =>
      add(name, help, 'histogram', () =>
        [...read()].flatMap(([word, one]) => places(name, one, per, { [label]: word })),
      ),
  }

  function add(
    name: string,
    help: string,
    type: string,
    read: () => Value[] | Promise<Value[]>,
  ): void {
    // What a registry needs of a metric is its name and this; its own classes keep values of theirs.
    const get = async () => ({ name, help, type, aggregator: 'sum', values: await read() })
    registry.registerMetric({ name, get } as unknown as Metric)
  }
}

const byWord = (label: string, values: ByWord): Value[] =>
  Object.entries(values).map(([word, value]) => ({ value, labels: { [label]: word } }))

/** A histogram as Prometheus has it: each bucket holds what is in those below it. */
function places(name: string, { bounds, counts, sum }: Histogram, per: number, labels: Labels) {
  let total = 0
  const buckets = counts.map((count, i): Value => {
    total += count
    const le = i < bounds.length ? String((bounds[i] as number) / per) : '+Inf'
    return { value: total, labels: { ...labels, le }, metricName: `${name}_bucket` }
  })
  return [
    ...buckets,
    { value: sum / per, labels, metricName: `${name}_sum` },
    { value: total, labels, metricName: `${name}_count` },
  ]
}

/** Jumps of the wall clock, as a master and a slave tell them. */
export function addClockSteps(
  { counter, gauge }: Metrics,
  prefix: string,
  steps: Readonly<ClockSteps>,
): void {
  counter(`${prefix}_clock_steps_total`, 'Jumps of the wall clock.', () => steps.count)
  gauge(
    `${prefix}_clock_last_step_seconds`,
    'Size of the last jump of the wall clock; negative: it was set back.',
    () => steps.lastMs / 1000,
  )
}
