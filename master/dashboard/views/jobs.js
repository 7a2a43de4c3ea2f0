// Jobs, newest first, and how much faster they get with more slaves.

import { json } from '../api.js'
import { length, time } from '../format.js'
import { html, useEffect, useState } from '../html.js'
import { JobLink, Problem, Said, State, useLive } from '../ui.js'
import { Speedup } from './speedup.js'
import { resultText } from './tasks.js'

export function Jobs() {
  const { jobs } = useLive()
  const [page, setPage] = useState(/** @type {any} */ (null))
  const [error, setError] = useState(/** @type {any} */ (null))
  // Read anew when a job comes or ends, not with each of its parts.
  const known = [...jobs.values()].map(({ id, status }) => id + status).join()
  useEffect(
    () => void json('/jobs?limit=100', { asWritten: true }).then(setPage, setError),
    [known],
  )
  if (error) return html`<h1>Jobs</h1><${Problem} error=${error} />`
  if (!page) return html`<h1>Jobs</h1><p class="muted">Loading.</p>`
  return html`<h1>Jobs, newest first</h1>
    ${
      page.jobs.length === 0
        ? html`<p>There is none yet. <a href="#/submit/job/word-count">Count the words of a text</a>, for example.</p>`
        : html`<div class="card flush"><div class="wide" tabindex="0" role="region" aria-label="Jobs"><table class="plain">
      <thead><tr><th>job</th><th>kind</th><th>status</th><th>stages</th><th>result</th><th class="num">began</th><th class="num">took</th></tr></thead>
      <tbody>${page.jobs.map((job) => html`<${JobRow} key=${job.id} job=${job} />`)}</tbody></table></div>
      ${page.next === null ? null : html`<p class="note">Only the newest 100 are shown.</p>`}</div>`
    }
    <h2>Speed-up</h2><${Speedup} jobs=${page.jobs} />`
}

/** @param {{ job: any }} given */
const JobRow = ({ job }) => html`<tr>
  <td><${JobLink} id=${job.id} /></td><td>${job.kind}</td><td><${State} state=${job.status} /></td>
  <td>${job.stages.map(({ name, done, total }) => html`<span class="stage-line">${name} ${done}/${total}</span> `)}</td>
  <td class="text"><${Said} text=${resultText(job)} most=${80} /></td>
  <td class="num">${time(job.createdAt)}</td><td class="num">${length(job.ms)}</td></tr>`
