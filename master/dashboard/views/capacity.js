// Capacity: what came and was refused, whether Retry-After told the truth, how often slaves are asked,
// and the load of each beside what theory says of asking in order.

import { Chart } from '../chart.js'
import { erlangB, slaveLoads } from '../closed-forms.js'
import { length, percent } from '../format.js'
import { html, useMemo } from '../html.js'
import { Said, useLive } from '../ui.js'
import { Plot } from './plot.js'

/** So many slaves have a step of their own in the staircase. */
const STEPS_MAX = 200

export function Capacity() {
  const { capacity } = useLive()
  const { seconds } = capacity
  const flow = useMemo(
    () => [0, 1, 2, 3].map((i) => seconds.map((second) => second[i] ?? 0)),
    [seconds],
  )
  const asks = useMemo(() => [flow[0], seconds.map(asksPerTask)], [seconds])
  return html`<h1>Capacity, the last five minutes</h1>
    <div class="columns even">
      <div class="card"><${Chart} label="Tasks per second" data=${flow} series=${[
        { name: 'accepted', ink: 'accent', fill: true },
        { name: 'ended', ink: 'ink', dash: [4, 3] },
        { name: 'refused', ink: 'bad', dash: [1, 3] },
      ]} /><${Sums} seconds=${seconds} /></div>
      <div class="card"><${Chart} label="Asks per submitted task" data=${asks} series=${[{ name: 'asks per task', ink: 'accent' }]} />
        <p class="muted">The minimum is one: a slave that is known to be busy is not asked.</p></div>
      <div class="card"><${RetryAfter} pairs=${capacity.retryAfter} /></div>
      <div class="card"><${Staircase} capacity=${capacity} /></div>
    </div>`
}

/** @param {number[]} second */
function asksPerTask([, accepted = 0, , refused = 0, asks = 0]) {
  const came = accepted + refused
  return came === 0 ? null : asks / came
}

/** The same in words. @param {{ seconds: number[][] }} given */
function Sums({ seconds }) {
  const sum = (i) => seconds.reduce((total, second) => total + (second[i] ?? 0), 0)
  const [accepted, ended, refused] = [sum(1), sum(2), sum(3)]
  const share =
    accepted + refused === 0 ? '' : `, ${percent(refused / (accepted + refused))} of all requests`
  return html`<p class="muted num">${accepted} accepted, ${ended} ended, ${refused} refused${share}.</p>`
}

/** @param {{ pairs: number[][] }} given predicted and actual, in milliseconds */
function RetryAfter({ pairs }) {
  if (pairs.length === 0) {
    return html`<h2>Retry-After</h2><p class="muted">No task was refused with Retry-After, or no slot has become free since.</p>`
  }
  const dots = pairs.map(([predicted = 0, actual = 0]) => [predicted / 1_000, actual / 1_000])
  const most = Math.max(...dots.flat(), 1)
  const off = pairs.map(([predicted = 0, actual = 0]) => predicted - actual).sort((a, b) => a - b)
  const middle = off[off.length >> 1] ?? 0
  const early = off.filter((ms) => ms < 0).length / off.length
  return html`<h2>Retry-After</h2>
    <${Plot} label="Seconds until a slot was free" x="Retry-After in seconds" dots=${dots} dotName="one refusal each"
      lines=${[
        {
          name: 'exact',
          style: 'dashed',
          points: [
            [0, 0],
            [most, most],
          ],
        },
      ]} />
    <p class="muted num">${pairs.length} refusals: ${length(Math.abs(middle))} too ${middle < 0 ? 'short' : 'long'} in the median;${' '}
      ${percent(early)} were too early.</p>`
}

/** @param {{ capacity: import('../live.js').Capacity }} given */
function Staircase({ capacity: { loadByPlace, offered } }) {
  const { order } = useLive()
  const slaves = order.slice(0, Math.min(STEPS_MAX, loadByPlace.length))
  if (slaves.length === 0)
    return html`<h2>Load of each slave</h2><p class="muted">No measurements yet.</p>`
  const slots = order.map((slave) => slave.slots)
  const theory = !offered ? null : slaveLoads(slots, offered)
  const total = slots.reduce((sum, n) => sum + n, 0)
  return html`<h2>Load of each slave, in the order of asking</h2>
    ${
      !offered
        ? null
        : html`<p class="num">Offered load: ${offered.toFixed(2)} Erlang on ${total} slots. By Erlang's formula,${' '}
          ${percent(erlangB(total, offered))} of the tasks find no free slot.</p>`
    }
    <ul class="bars stairs" tabindex="0" aria-label="Load of each slave, measured and by the closed form">${slaves.map(
      ({ name }, i) => html`<li key=${name}><${Said} text=${name} most=${20} />
        <span class="track"><i class="bar-line" style=${{ width: `${(loadByPlace[i] ?? 0) * 100}%` }} />
          ${theory === null ? null : html`<i class="mark" style=${{ left: `${(theory[i] ?? 0) * 100}%` }} title="closed form" />`}</span>
        <span class="num">${percent(loadByPlace[i] ?? 0)}${theory === null ? '' : html` <span class="muted">${percent(theory[i] ?? 0)}</span>`}</span></li>`,
    )}</ul>
    <p class="muted">Bar and first number: measured. Mark and second number: the closed form for Poisson arrivals without a queue.${
      order.length > STEPS_MAX ? ` The first ${STEPS_MAX} of ${order.length} slaves.` : ''
    }</p>`
}
