// The bar that is chosen in the stream, in words, with its trail.

import { json } from '../api.js'
import { length } from '../format.js'
import { html, useEffect, useState } from '../html.js'
import { SlaveName, State, TaskLink } from '../ui.js'
import { Ladder } from './ladder.js'
import { segmentsOf } from './stream-layout.js'

/** The trail is asked for when one stays on a bar for so long. In milliseconds. */
const DWELL_MS = 250
const WORDS = { queue: 'waited', ask: 'asked', run: 'ran', callback: 'delivered in' }

/** @param {{ bar: import('../bars.js').Bar | null }} given */
export function BarDetail({ bar }) {
  const [trail, setTrail] = useState([])
  const task = bar?.task ?? null
  const ended = bar?.endedAt ?? null
  useEffect(() => {
    setTrail([])
    if (task === null) return
    const stop = new AbortController()
    const timer = setTimeout(async () => {
      try {
        const { trail } = await json(`/tasks/${task}/trail`, { signal: stop.signal })
        setTrail(trail)
      } catch {
        // Gone meanwhile, or another bar is chosen: the bar itself says what it can.
      }
    }, DWELL_MS)
    return () => {
      clearTimeout(timer)
      stop.abort()
    }
  }, [task, ended])
  if (!bar)
    return html`<p class="note muted">Point at a bar or use the arrow keys to show its trail here.</p>`
  const segments = segmentsOf(bar, bar.endedAt ?? Date.now())
    .map(({ is, from, to }) => `${WORDS[is]} ${length(to - from)}`)
    .join(', ')
  return html`<div class="note" role="status">
    <p><${TaskLink} id=${bar.task} /> ${bar.kind} <${State} state=${bar.lost ? 'lost' : bar.status} />
      ${bar.slave ? html` on <${SlaveName} name=${bar.slave} />` : null}
      ${bar.tries > 1 ? `, try ${bar.tries}` : ''}: ${segments}</p>
    <${Ladder} trail=${trail.slice(-12)} />
  </div>`
}
