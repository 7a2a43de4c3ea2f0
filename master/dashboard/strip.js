// The verdict: how it stands, in one line, and what is the matter, if anything is.

import { matterOf } from './banner.js'
import { count, length, rate } from './format.js'
import { html, useEffect, useState } from './html.js'
import { Fact, useLive } from './ui.js'

export function Strip() {
  const { verdict, link } = useLive()
  return html`<section class="strip" aria-label="State of the master">
    <${Banner} />
    ${verdict ? html`<${Figures} verdict=${verdict} stale=${link !== 'live'} />` : null}
  </section>`
}

/** @param {{ verdict: import('./live.js').Verdict, stale: boolean }} given */
function Figures({ verdict, stale }) {
  const { slots, running, waiting, refusedLastMinute, endedPerSecond, latencyMs } = verdict
  const { slaves, nextSlotMs } = verdict
  const next =
    slots.free > 0 || nextSlotMs === null
      ? null
      : `next free in about ${length(Math.max(nextSlotMs, 0))}`
  const { registered = 0, alive = 0 } = slaves
  const away = registered - alive
  return html`<dl class="figures" data-stale=${stale}>
    <${Fact} label="free slots" note=${next}>
      <b>${count(slots.free)}</b><span class="of">of ${count(slots.total)}</span>
    <//>
    <${Fact} label="running"><b>${count(running)}</b><//>
    <${Fact} label="waiting"><b>${count(waiting)}</b><//>
    <${Fact} label="refused, last minute"><b>${count(refusedLastMinute)}</b><//>
    <${Fact} label="ended"><b>${rate(endedPerSecond)}</b><span class="of">per second</span><//>
    <${Fact} label="time to the result" note=${latencyMs ? `95 %: ${length(latencyMs.p95)}` : null}>
      <b>${latencyMs ? length(latencyMs.p50) : '–'}</b>
    <//>
    <${Fact} label="slaves alive" note=${away > 0 ? `${count(away)} not alive` : null}>
      <b>${count(slaves.alive)}</b><span class="of">of ${count(slaves.registered)}</span>
    <//>
  </dl>`
}

/** One sentence, told to whoever listens when it changes. */
function Banner() {
  const live = useLive()
  const { tone, words, more } = matterOf(live)
  return html`<div class="banner" data-tone=${tone} role="status" aria-live="polite">
    <span class="shape" data-shape=${SHAPES[tone]} aria-hidden="true" />
    <strong>${words}</strong>${more ? html`<span>${more}</span>` : null}
    ${live.link === 'lost' ? html`<${Since} at=${live.lostAt} />` : null}
  </div>`
}

const SHAPES = { good: 'ring', full: 'disc', warn: 'half', bad: 'cross', plain: 'query' }

/** Not in the sentence, so that it is not read out each second. @param {{ at: number }} given */
function Since({ at }) {
  const [, again] = useState(0)
  useEffect(() => {
    const timer = setInterval(() => again((n) => n + 1), 1_000)
    return () => clearInterval(timer)
  }, [])
  return html`<span aria-hidden="true" class="num">${length(Date.now() - at)} ago</span>`
}
