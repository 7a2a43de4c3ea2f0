// The task stream: a row for each slot, a bar for each attempt, moving with time; held and scrubbed
// back, read with the pointer or the keys.

import { count } from '../format.js'
import { html, useEffect, useMemo, useRef, useState } from '../html.js'
import { live, now } from '../live.js'
import { useLive } from '../ui.js'
import { useNarrow } from '../virtual.js'
import { BarDetail } from './bar-detail.js'
import { draw } from './stream-canvas.js'
import { layoutOf, ROW } from './stream-layout.js'

const SPANS = [
  { ms: 10_000, name: '10 s' },
  { ms: 30_000, name: '30 s' },
  { ms: 120_000, name: '2 min' },
  { ms: 300_000, name: '5 min' },
]
const BACK_MAX_S = 300
/** Drawn at most so often: calm for the eye and for the processor. */
const FRAME_MS = 30

export const StreamView = () => html`<h1>Task stream</h1><${Stream} most=${720} />`

/** @param {{ only?: string, most?: number }} given `only` this slave's rows */
export function Stream({ only, most = 360 }) {
  const { order, barsOmitted, bars } = useLive()
  const narrow = useNarrow()
  const [span, setSpan] = useState(30_000)
  const [heldAt, setHeldAt] = useState(/** @type {number | null} */ (null))
  const [backS, setBackS] = useState(0)
  const [chosen, setChosen] = useState(/** @type {string | null} */ (null))
  const slaves = useMemo(
    () => (only === undefined ? order : order.filter(({ name }) => name === only)),
    [order, only],
  )
  const layout = useMemo(() => layoutOf(slaves), [slaves])
  const height = Math.min(most, Math.max(72, layout.rows * ROW + 2))
  const scene = { layout, span, heldAt, backS, chosen, narrow, height }
  const { box, canvas, hits } = useDrawing(scene)
  const hold = () => {
    setHeldAt(heldAt === null ? now() : null)
    setBackS(0)
  }
  const scrub = (seconds) => {
    if (heldAt === null) setHeldAt(now())
    setBackS(seconds)
  }
  const keys = (event) => {
    if (event.key === ' ') hold()
    else if (event.key === 'Enter' && chosen) location.hash = `#/task/${taskOf(chosen)}`
    else if (event.key.startsWith('Arrow')) setChosen(nextOf(hits.current, chosen, event.key))
    else return
    event.preventDefault()
  }
  return html`<div class="card flush stream">
    <div class="bar">
      <button onClick=${hold} aria-pressed=${heldAt !== null}>${heldAt === null ? 'Pause' : 'Continue'}</button>
      <fieldset class="choice"><legend class="sr">Time shown</legend>
        ${SPANS.map(
          ({
            ms,
            name,
          }) => html`<label><input type="radio" name=${`span-${only ?? ''}`} checked=${span === ms}
            onChange=${() => setSpan(ms)} /><span>${name}</span></label>`,
        )}
      </fieldset>
      <label class="scrub"><span>${backS === 0 ? 'now' : `${backS} s ago`}</span>
        <input type="range" min="0" max=${BACK_MAX_S} value=${BACK_MAX_S - backS}
          aria-label="Time of the view" aria-valuetext=${backS === 0 ? 'now' : `${backS} seconds ago`}
          onInput=${(event) => scrub(BACK_MAX_S - Number(event.currentTarget.value))} /></label>
      <${Legend} />
    </div>
    <div class="stream-box" ref=${box} tabindex="0" role="application" onKeyDown=${keys}
      style=${{ height: `${height}px` }}
      aria-label="Task stream: arrow keys move between bars, Enter opens the task, space pauses the stream">
      <div class="stream-all" style=${{ height: `${layout.rows * ROW}px` }}>
        <canvas ref=${canvas} aria-hidden="true"
          onPointerMove=${(event) => setChosen(hitAt(hits.current, event) ?? chosen)}
          onClick=${(event) => {
            const key = hitAt(hits.current, event)
            if (key) location.hash = `#/task/${taskOf(key)}`
          }} />
      </div>
    </div>
    ${
      barsOmitted + bars.dropped > 0
        ? html`<p class="note">A sample: ${count(barsOmitted)} tasks since the last update and ${count(bars.dropped)} older ones are not drawn.</p>`
        : null
    }
    <${BarDetail} bar=${chosen === null ? null : (bars.byKey.get(chosen) ?? null)} />
  </div>`
}

/** @param {string} key */
const taskOf = (key) => key.slice(0, key.lastIndexOf('#'))

const Legend = () => html`<ul class="legend" aria-label="Legend of the bars">
  <li><i class="key queue" />queue</li><li><i class="key ask" />ask</li><li><i class="key run" />run</li>
  <li><i class="key callback" />callback</li><li><i class="key wrong" />failed</li><li><i class="key lost" />lost</li>
</ul>`

/** Draws it, again and again, as long as it is there. @param {any} scene */
function useDrawing(scene) {
  const box = useRef(/** @type {any} */ (null))
  const canvas = useRef(/** @type {any} */ (null))
  const hits = useRef(/** @type {import('./stream-canvas.js').Hit[]} */ ([]))
  const latest = useRef(scene)
  latest.current = scene
  useEffect(() => {
    let frame = 0
    let drawnAt = 0
    const turn = (at) => {
      frame = requestAnimationFrame(turn)
      if (at - drawnAt < FRAME_MS || !box.current || !canvas.current) return
      drawnAt = at
      const { layout, span, heldAt, backS, chosen, narrow, height } = latest.current
      const clock = now()
      const width = box.current.clientWidth
      canvas.current.style.width = `${width}px`
      canvas.current.style.height = `${height}px`
      hits.current = draw({
        canvas: canvas.current,
        layout,
        bars: live.bars,
        top: box.current.scrollTop,
        width,
        height,
        gutter: narrow ? 76 : 132,
        end: (heldAt ?? clock) - backS * 1_000,
        spanMs: span,
        // What happened after it was held is not shown, so that what is seen stays as it is.
        now: heldAt ?? clock,
        chosen,
        waiting: live.verdict?.waiting ?? 0,
      })
    }
    frame = requestAnimationFrame(turn)
    return () => cancelAnimationFrame(frame)
  }, [])
  return { box, canvas, hits }
}

/** The bar under the pointer. @param {import('./stream-canvas.js').Hit[]} hits @param {any} event */
function hitAt(hits, event) {
  const { left, top } = event.currentTarget.getBoundingClientRect()
  const [x, y] = [event.clientX - left, event.clientY - top]
  const found = hits.findLast(
    (hit) => y >= hit.y && y < hit.y + ROW && x >= hit.x - 2 && x <= hit.x + hit.width + 2,
  )
  return found?.key ?? null
}

/**
 * The bar that an arrow leads to.
 * @param {import('./stream-canvas.js').Hit[]} hits @param {string | null} chosen @param {string} arrow
 */
export function nextOf(hits, chosen, arrow) {
  const from = hits.find(({ key }) => key === chosen)
  if (!from) return hits.toSorted((a, b) => b.x - a.x)[0]?.key ?? null
  const along = arrow === 'ArrowLeft' || arrow === 'ArrowRight'
  const sign = arrow === 'ArrowLeft' || arrow === 'ArrowUp' ? -1 : 1
  const ahead = hits.filter((hit) =>
    along
      ? hit.row === from.row && hit.key !== from.key && (hit.x - from.x) * sign > 0
      : (hit.row - from.row) * sign > 0,
  )
  const far = (hit) => Math.abs(hit.row - from.row) * 1e6 + Math.abs(hit.x - from.x)
  return ahead.toSorted((a, b) => far(a) - far(b))[0]?.key ?? chosen
}
