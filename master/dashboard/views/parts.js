// The parts of a stage: a grid of how each stands, and bars of how unequal they were.

import { bytes, length } from '../format.js'
import { html } from '../html.js'
import { colourOf, Said } from '../ui.js'

const SKEW_MAX = 64

/** @param {{ parts: any[], total: number }} given */
export function PartGrid({ parts, total }) {
  const done = parts.filter(({ status }) => status === 'done').length
  const label = `${done} of ${total} parts done`
  return html`<div class="grid" role="img" aria-label=${label}>
    ${parts.map((part) => html`<${Cell} key=${part.part} part=${part} />`)}
    ${parts.length < total ? html`<span class="muted">and ${total - parts.length} more</span>` : null}
  </div>`
}

/** @param {{ part: any }} given */
function Cell({ part: { part, status, slave, ms, tries, rounds, task } }) {
  const again = tries > 1 || rounds > 1
  const title = `part ${part}: ${status}${slave ? ` by ${slave}` : ''}${ms ? `, ${length(ms)}` : ''}${again ? `, ${tries} tries` : ''}`
  const colour = status === 'done' ? colourOf(slave) : undefined
  const go = task ? () => (location.hash = `#/task/${task}`) : undefined
  return html`<i class="cell" data-status=${status} data-again=${again} title=${title} onClick=${go}
    style=${{ background: colour }} />`
}

/** How long each part took, or, where they leave files, how many bytes. @param {{ parts: any[] }} given */
export function Skew({ parts }) {
  const done = parts.filter(({ status }) => status === 'done')
  if (done.length < 2) return null
  const shown = done.slice(0, SKEW_MAX)
  const longest = Math.max(...shown.map(({ ms }) => ms), 1)
  const mean = shown.reduce((sum, { ms }) => sum + ms, 0) / shown.length
  const words = `The longest part took ${(longest / Math.max(mean, 0.1)).toFixed(1)} times the mean of ${length(mean)}.`
  return html`<details class="skew"><summary>Skew: ${words}</summary>
    <ul class="bars" aria-label="Run time of each part">
      ${shown.map(
        ({ part, ms, slave, bytes: size }) => html`<li>
        <span class="num">${part}</span>
        <i class="bar-line" style=${{ width: `${(ms / longest) * 60}%`, background: colourOf(slave) }} />
        <span class="num muted">${length(ms)}${size > 0 ? `, ${bytes(size)}` : ''}${slave ? ', ' : ''}<${Said} text=${slave ?? ''} most=${24} /></span></li>`,
      )}
    </ul>
    ${done.length > SKEW_MAX ? html`<p class="muted">and ${done.length - SKEW_MAX} more</p>` : null}
  </details>`
}
