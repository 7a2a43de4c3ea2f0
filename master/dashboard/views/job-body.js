// A job while it goes on and after: its stages and parts, who is waited for, what moved between
// slaves, and what its kind has to show as it comes.

import { json, request } from '../api.js'
import { useFollowed } from '../follow.js'
import { bytes, length } from '../format.js'
import { html, useState } from '../html.js'
import { Problem, State, TaskLink } from '../ui.js'
import { Heat } from './heat.js'
import { ImageStrips } from './image-strips.js'
import { PartGrid, Skew } from './parts.js'
import { Outcome } from './task.js'
import { WordsCounted } from './words-counted.js'

/** Looked at anew so often while it goes on. In milliseconds. */
const LOOK_MS = 350

/** What a kind shows besides, by its name. */
const OWN = { 'image-filter': ImageStrips, 'word-count': WordsCounted }

/** @param {{ id: string, input?: any }} given `input` as it was sent: a long one is not in the answer */
export function JobBody({ id, input }) {
  const { job, stages, error } = useJob(id)
  if (error && !job) return html`<${Problem} error=${error} />`
  if (!job) return html`<p class="muted">Loading.</p>`
  const Own = OWN[job.kind]
  return html`
    <div class="card"><p class="line"><${State} state=${job.status} /> ${job.kind}, ${length(job.ms)}
        <span class="muted"> ${job.slots} ${job.slots === 1 ? 'slot' : 'slots'} of ${job.slaves} ${job.slaves === 1 ? 'slave' : 'slaves'} when it came</span></p>
      <${Awaited} stages=${job.stages} />
      <${Acts} job=${job} /></div>
    ${Own ? html`<${Own} job=${job} stages=${stages} input=${input ?? job.input} />` : null}
    <${Outcome} of=${Own && job.status === 'done' ? { status: '' } : job} />
    ${job.stages.map((stage) => {
      const found = stages.find(({ name }) => name === stage.name)
      return html`<${Stage} key=${stage.name} stage=${stage} parts=${found?.parts ?? []} transfers=${found?.transfers ?? []} />`
    })}`
}

/** @param {{ stage: any, parts: any[], transfers: any[] }} given */
function Stage({ stage, parts, transfers }) {
  const { name, done, total, running, again, ms } = stage
  return html`<section class="card" aria-label=${`Stage ${name}`}>
    <h2>${name} <small class="muted num">${total === 0 ? 'nothing to do' : `${done} of ${total} done`}${running > 0 ? `, ${running} running` : ''}${
      again > 0 ? `, ${again} again` : ''
    }${total === 0 ? '' : `, ${length(ms)}`}${stage.bytes > 0 ? `, ${bytes(stage.bytes)}` : ''}</small></h2>
    <${PartGrid} parts=${parts} total=${total} />
    ${parts.length > 1 ? html`<${Skew} parts=${parts} />` : null}
    ${transfers.length > 0 ? html`<${Heat} transfers=${transfers} stage=${name} />` : null}
  </section>`
}

/** Who is waited for. @param {{ stages: any[] }} given */
function Awaited({ stages }) {
  const stage = stages.find(({ endedAt }) => endedAt === null)
  if (!stage || stage.done === stage.total) return null
  const slow = stage.stragglers ?? []
  return html`<p role="status">The next stage waits for ${stage.total - stage.done} of ${stage.total} parts of <b>${stage.name}</b>.
    ${slow.map(
      ({
        part,
        task,
        runningMs,
        usualMs,
      }) => html` Part ${part} ${task ? html`(<${TaskLink} id=${task} />) ` : ''}has run
        for ${length(runningMs)}, where others took ${length(usualMs)}.`,
    )}</p>`
}

/** @param {{ job: any }} given */
function Acts({ job }) {
  const [error, setError] = useState(/** @type {any} */ (null))
  const cancel = () => request(`/jobs/${job.id}`, { method: 'DELETE' }).catch(setError)
  return html`<p class="acts">
      ${job.endedAt === null ? html`<button onClick=${cancel}>Cancel</button>` : null}
      ${job.file ? html`<a class="button" href=${job.file.href}>${job.file.name}</a>` : null}
      <a class="button quiet" href=${`/jobs/${job.id}`}>JSON</a>
    </p><${Problem} error=${error} />`
}

/** A job and its parts, kept up to date until it has ended. @param {string} id */
const useJob = (id) => useFollowed(id, { job: null, stages: [] }, readJob)

/** @param {string} id @param {AbortSignal} signal @param {boolean} isFirst @returns {Promise<[object, boolean]>} */
async function readJob(id, signal, isFirst) {
  if (!isFirst) await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
  const path = `/jobs/${encodeURIComponent(id)}`
  const job = await json(path, { signal })
  const { stages } = await json(`${path}/parts`, { signal })
  return [{ job, stages }, job.endedAt !== null]
}
