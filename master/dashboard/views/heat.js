// What moved from slave to slave in a shuffle: a square of how many bytes each gave to each.

import { bytes } from '../format.js'
import { html } from '../html.js'
import { Said } from '../ui.js'

const SIDE_MAX = 24

/** @param {{ transfers: [string, string, number][], stage: string }} given */
export function Heat({ transfers, stage }) {
  const all = [...new Set(transfers.flatMap(([from, to]) => [String(from), String(to)]))].sort(
    byName,
  )
  const names = all.slice(0, SIDE_MAX)
  const amount = new Map(transfers.map(([from, to, n]) => [`${from} ${to}`, n]))
  const most = Math.max(1, ...amount.values())
  const total = transfers.reduce((sum, [, , n]) => sum + n, 0)
  const moved = transfers.reduce((sum, [from, to, n]) => sum + (from === to ? 0 : n), 0)
  return html`<details class="heat" open><summary>Fetched for ${stage}: ${bytes(total)}, ${bytes(moved)} of it from other slaves</summary>
    <div class="wide" tabindex="0" role="region" aria-label=${`Bytes from slave to slave for ${stage}`}><table>
      <thead><tr><th>from \\ to</th>${names.map((to) => html`<th scope="col"><${Said} text=${to} most=${16} /></th>`)}</tr></thead>
      <tbody>${names.map(
        (from) => html`<tr><th scope="row"><${Said} text=${from} most=${16} /></th>
          ${names.map((to) => html`<${HeatCell} bytes=${amount.get(`${from} ${to}`) ?? 0} most=${most} own=${from === to} />`)}</tr>`,
      )}</tbody></table></div>
    ${all.length > SIDE_MAX ? html`<p class="muted">${all.length - SIDE_MAX} more not shown.</p>` : null}
  </details>`
}

/** slave-2 before slave-10. @param {string} a @param {string} b */
const byName = (a, b) => a.localeCompare(b, 'en', { numeric: true })

/** @param {{ bytes: number, most: number, own: boolean }} given */
const HeatCell = ({ bytes: n, most, own }) => html`<td class="num" data-own=${own}
  style=${{ '--heat': `${Math.round((n / most) * 78)}%` }}>${n === 0 ? '–' : bytes(n)}</td>`
