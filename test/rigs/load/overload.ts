// Overload: three times what the slots can do, open loop. Who is refused hears it at once and in
// form, what is accepted is done at full capacity, and the master answers whoever looks at it.

import { setTimeout as sleep } from 'node:timers/promises'
import { summarize } from '../bench/summary.ts'
import { erlangB } from '../experiments/closed-forms.ts'
import type { Client, Sample } from './client.ts'
import type { Figure } from './figures.ts'
import { enoughLeft, ms, must, percent, plain } from './figures.ts'
import { SLOTS } from './fleet.ts'
import type { Span, Stalls } from './stalls.ts'

export const OVERLOAD = 3

const LOOKED_AT = ['/status', '/healthz', '/readyz']
const LOOK_EVERY_MS = 200
/** A refusal is what a client acts on: it must come within what a person takes for at once. */
const REFUSAL_P99_MS_MAX = 50
/** A monitor's usual patience is a second; a tenth of it leaves it in no doubt. */
const LOOK_P99_MS_MAX = 100
/** Share of the measured capacity that must still be done: overload must not eat the slots. */
const GOODPUT_MIN = 0.85

export type Looks = Map<string, Span[]>

/** Looks at the master again and again while `during` is not over. */
export async function lookDuring(client: Client, during: Promise<unknown>): Promise<Looks> {
  const looks: Looks = new Map(LOOKED_AT.map((path) => [path, []]))
  let over = false
  const end = (): void => void (over = true)
  during.then(end, end)
  while (!over) {
    for (const path of LOOKED_AT) looks.get(path)?.push(await client.look(path))
    await sleep(LOOK_EVERY_MS)
  }
  return looks
}

export function judgeOverload(
  samples: Sample[],
  looks: Looks,
  capacity: number,
  stalls: Stalls,
): Figure[] {
  const left = stalls.undisturbed(samples)
  const accepted = left.filter(({ status }) => status === 202)
  const refused = left.filter(({ status }) => status === 503)
  const seconds = ((samples.at(-1)?.from ?? 0) - (samples[0]?.from ?? 0)) / 1000
  const rate = samples.filter(({ status }) => status === 202).length / seconds
  const share = refused.length / left.length
  const refusal = summarize(refused.map(took))
  const acceptance = summarize(accepted.map(took))
  const goodput = `${rate.toFixed(0)}/s, ${percent(rate / capacity)} of capacity`
  return [
    plain('refused', `${percent(share)}; Erlang: ${percent(erlangB(SLOTS, OVERLOAD * SLOTS))}`),
    must('accepted', goodput, `>= ${percent(GOODPUT_MIN)}`, rate >= GOODPUT_MIN * capacity),
    atMost('a refusal', refusal, REFUSAL_P99_MS_MAX),
    plain('POST to 202', `p50 ${ms(acceptance.p50)}, p99 ${ms(acceptance.p99)}`),
    ...[...looks].map(([path, spans]) =>
      atMost(`GET ${path}`, summarize(stalls.undisturbed(spans).map(took)), LOOK_P99_MS_MAX),
    ),
    ...enoughLeft(left.length, samples.length, stalls.count),
  ]
}

const took = ({ from, to }: Span): number => to - from

function atMost(name: string, summary: ReturnType<typeof summarize>, p99Max: number): Figure {
  const { p50, p99, max } = summary
  const is = `p50 ${ms(p50)}, p99 ${ms(p99)}, max ${ms(max)}`
  return must(name, is, `p99 <= ${p99Max} ms`, p99 <= p99Max)
}
