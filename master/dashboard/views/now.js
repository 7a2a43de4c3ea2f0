// Overview: an expression to try, the slaves, the stream, and the last jobs.

import { html } from '../html.js'
import { JobLink, State, useLive } from '../ui.js'
import { ExpressionBox } from './expression.js'
import { SlaveList } from './slaves.js'
import { Stream } from './stream.js'

export const Now = () => html`<h1 class="sr">Overview</h1>
  <div class="columns">
    <div>
      <h2>Slaves, in the order of asking</h2>
      <${SlaveList} most=${326} filter=${false} />
      <h2>Task stream</h2>
      <${Stream} most=${300} />
    </div>
    <div>
      <h2>Try it</h2>
      <${ExpressionBox} />
      <${LastJobs} />
    </div>
  </div>`

function LastJobs() {
  const { jobs } = useLive()
  const newest = [...jobs.values()].sort((a, b) => (a.id < b.id ? 1 : -1)).slice(0, 5)
  if (newest.length === 0) return null
  return html`<h2>Last jobs</h2><div class="card"><ul class="plain">
    ${newest.map(
      ({ id, kind, status, stage, done, total }) => html`<li class="job-line">
        <${JobLink} id=${id} /><span>${kind}</span><${State} state=${status} />
        <progress max=${total || 1} value=${done} aria-label=${`${done} of ${total} parts done`} />
        <span class="num muted">${stage ? `${stage} ` : ''}${done}/${total}</span></li>`,
    )}
  </ul></div>`
}
