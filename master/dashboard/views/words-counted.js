// The paragraphs of a word count, each with its number as soon as it is known.

import { count } from '../format.js'
import { html } from '../html.js'
import { Said, SlaveName } from '../ui.js'
import { paragraphsOf } from './words-split.js'

const SHOWN_MAX = 200

/** @param {{ job: any, stages: any[], input: any }} given */
export function WordsCounted({ job, stages, input }) {
  const parts = stages[0]?.parts ?? []
  const paragraphs = paragraphsOf(input)
  const known = parts.filter(({ status }) => status === 'done')
  const sum = known.reduce((total, { result }) => total + (result?.words ?? 0), 0)
  return html`<div class="card">
    <p class="line" role="status"><b class="num">${count(job.result?.total ?? sum)}</b> words ${
      job.status === 'done'
        ? 'in total'
        : `so far, in ${known.length} of ${parts.length} paragraphs`
    }</p>
    <ol class="paragraphs">${parts.slice(0, SHOWN_MAX).map(
      ({ part, status, result, slave }) => html`<li data-status=${status}>
        <span class="num words">${status === 'done' ? result?.words : '…'}</span>
        <span class="about"><${Said} text=${paragraphs[part - 1] ?? `paragraph ${part}`} most=${140} />
          <small>${slave ? html`<${SlaveName} name=${slave} />` : html`<span class="muted">${status}</span>`}</small></span></li>`,
    )}</ol>
    ${parts.length > SHOWN_MAX ? html`<p class="muted">and ${parts.length - SHOWN_MAX} more</p>` : null}</div>`
}
