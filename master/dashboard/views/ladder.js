// A trail as a ladder of sentences.

import { time } from '../format.js'
import { html } from '../html.js'
import { linesOf } from '../trail.js'
import { Said, SlaveName } from '../ui.js'

/** @param {{ trail: import('../trail.js').Entry[], times?: boolean }} given */
export function Ladder({ trail, times = false }) {
  if (trail.length === 0) return null
  return html`<ol class="ladder">
    ${linesOf(trail).map(
      ({
        entry,
        tone,
        before,
        slave,
        after,
        reason,
        note,
      }) => html`<li data-tone=${tone} data-event=${entry.event}>
        ${times ? html`<time class="num muted" datetime=${entry.at}>${time(entry.at)}</time>` : null}
        <span>${before}${slave === null ? null : html`<${SlaveName} name=${slave} />`}${after}${
          reason ? html`, <${Said} text=${reason} most=${240} />` : null
        }${note ? html`<span class="muted num">, ${note}</span>` : null}</span>
      </li>`,
    )}
  </ol>`
}
