// A trail as a ladder of sentences.

import { length, time } from '../format.js'
import { html } from '../html.js'
import { linesOf } from '../lib/trail.js'
import { Said, SlaveName } from '../ui.js'

/** @param {{ trail: import('../lib/trail.js').Entry[], times?: boolean }} given */
export function Ladder({ trail, times = false }) {
  if (trail.length === 0) return null
  return html`<ol class="ladder">
    ${linesOf(trail).map(
      ({ entry, tone, pieces }) => html`<li data-tone=${tone} data-event=${entry.event}>
        ${times ? html`<time class="num muted" datetime=${entry.at}>${time(entry.at)}</time>` : null}
        <span>${pieces.map(pieceOf)}</span>
      </li>`,
    )}
  </ol>`
}

/** @param {import('../lib/trail.js').Piece} piece */
function pieceOf(piece) {
  if (typeof piece === 'string') return piece
  if ('slave' in piece) return html`<${SlaveName} name=${piece.slave} />`
  if ('said' in piece) return html`<${Said} text=${piece.said} most=${240} />`
  return html`<span class="muted num">${length(piece.ms)}</span>`
}
