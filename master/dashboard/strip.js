// The verdict: how it stands, in one line, and what is the matter, if anything is.

import { count, length, rate } from './format.js'
import { html, useEffect, useState } from './html.js'
import { Fact, useLive } from './ui.js'

export function Strip() {
  const { verdict, link } = useLive()
  return html`<section class="strip" aria-label="How it stands">
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
      : `next in about ${length(Math.max(nextSlotMs, 0))}`
  const { registered = 0, alive = 0 } = slaves
  const away = registered - alive
  return html`<dl class="figures" data-stale=${stale}>
    <${Fact} label="free slots" note=${next}>
      <b>${count(slots.free)}</b><span class="of">of ${count(slots.total)}</span>
    <//>
    <${Fact} label="running"><b>${count(running)}</b><//>
    <${Fact} label="waiting"><b>${count(waiting)}</b><//>
    <${Fact} label="refused, last minute"><b>${count(refusedLastMinute)}</b><//>
    <${Fact} label="ended"><b>${rate(endedPerSecond)}</b><span class="of">a second</span><//>
    <${Fact} label="time to the result" note=${latencyMs ? `95 %: ${length(latencyMs.p95)}` : null}>
      <b>${latencyMs ? length(latencyMs.p50) : '–'}</b>
    <//>
    <${Fact} label="slaves alive" note=${away > 0 ? `${count(away)} not` : null}>
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

/** @param {typeof import('./live.js').live} live */
function matterOf({ link, master, verdict, refusal }) {
  if (link === 'connecting') return { tone: 'plain', words: 'Connecting to the master.' }
  if (link === 'lost' && refusal !== null) {
    return { tone: 'bad', words: 'The master does not let this page watch.', more: refusal }
  }
  if (link === 'lost') {
    const more = 'What is shown is as it was then; the page tries again by itself.'
    return { tone: 'bad', words: 'The connection to the master is lost.', more }
  }
  if (!verdict) return { tone: 'plain', words: 'Waiting for the first word of the master.' }
  if (master?.accepting === false) {
    const more = 'It finishes what it has and takes nothing new.'
    return { tone: 'warn', words: 'The master is draining.', more }
  }
  const { slaves, slots } = verdict
  if (slaves.registered === 0) {
    const more = 'Start one with: npm run slave -- --master URL'
    return { tone: 'bad', words: 'No slave is registered.', more }
  }
  if (slaves.alive === 0) {
    const more = `${count(slaves.registered)} registered; none can be asked now.`
    return { tone: 'bad', words: 'No slave is available.', more }
  }
  const suspect = slaves.suspect ?? 0
  const also =
    suspect > 0 ? `${count(suspect)} ${suspect === 1 ? 'slave does' : 'slaves do'} not answer.` : ''
  if (slots.total === 0) {
    const more = `Those that answer are drained, or unwilling. ${also}`
    return { tone: 'bad', words: 'No slave takes tasks.', more }
  }
  if (slots.free === 0) {
    const more = `All slots of all slaves are taken: new tasks are refused unless they wait. ${also}`
    return { tone: 'full', words: 'At capacity.', more }
  }
  if (suspect > 0) return { tone: 'warn', words: 'Slots are free.', more: also }
  return { tone: 'good', words: 'Slots are free.', more: 'A new task is taken at once.' }
}
