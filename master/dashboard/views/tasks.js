// Tasks as they are stored, newest first, a page at a time.

import { json } from '../api.js'
import { length, time } from '../format.js'
import { html, useEffect, useState } from '../html.js'
import { Problem, Said, SlaveName, State, TaskLink } from '../ui.js'
import { inputLine, printedLine } from './command-task.js'

const STATUSES = ['pending', 'in progress', 'done', 'failed', 'cancelled', 'expired']

export function Tasks() {
  const [status, setStatus] = useState('')
  const [kind, setKind] = useState('')
  const [id, setId] = useState('')
  const open = (event) => {
    event.preventDefault()
    if (id) location.hash = `#/task/${id}`
  }
  return html`<h1>Tasks, newest first</h1>
    <div class="card flush"><form class="bar" onSubmit=${open}>
      <label>Status <select value=${status} onChange=${(event) => setStatus(event.currentTarget.value)}>
        <option value="">any</option>${STATUSES.map((each) => html`<option value=${each}>${each}</option>`)}
      </select></label>
      <label>Kind <input value=${kind} onChange=${(event) => setKind(event.currentTarget.value.trim())} /></label>
      <label>Id <input value=${id} onInput=${(event) => setId(event.currentTarget.value.trim())} /></label>
      <button>Open</button>
    </form></div>
    <${TaskTable} query=${{ status, kind }} limit=${50} />`
}

/** @param {{ query: Record<string, string>, limit: number }} given */
export function TaskTable({ query, limit }) {
  const [cursors, setCursors] = useState(/** @type {string[]} */ ([]))
  const [page, setPage] = useState(/** @type {any} */ (null))
  const [error, setError] = useState(/** @type {any} */ (null))
  const [round, again] = useState(0)
  const cursor = cursors.at(-1)
  const filters = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== ''))
  const asked = filters.toString()
  useEffect(() => setCursors([]), [asked])
  useEffect(() => {
    const stop = new AbortController()
    const wanted = new URLSearchParams(asked)
    wanted.set('limit', String(limit))
    if (cursor) wanted.set('cursor', cursor)
    json(`/tasks?${wanted}`, { signal: stop.signal, asWritten: true }).then(
      (got) => {
        setPage(got)
        setError(null)
      },
      (wrong) => stop.signal.aborted || setError(wrong),
    )
    return () => stop.abort()
  }, [asked, cursor, limit, round])
  if (error) return html`<${Problem} error=${error} />`
  if (!page) return html`<p class="muted">Loading.</p>`
  return html`<div class="card flush">
    <div class="wide" tabindex="0" role="region" aria-label="Tasks"><table class="plain"><thead><tr>
      <th>task</th><th>kind</th><th>status</th><th>slave</th><th>input</th><th>result</th>
      <th class="num">accepted</th><th class="num">took</th>
    </tr></thead><tbody>${page.tasks.map((task) => html`<${TaskRow} key=${task.id} task=${task} />`)}</tbody></table></div>
    ${page.tasks.length === 0 ? html`<p class="empty">No task matches.</p>` : null}
    <div class="bar">
      <button class="quiet" onClick=${() => again(round + 1)}>Reload</button>
      <button class="quiet" disabled=${cursors.length === 0} onClick=${() => setCursors(cursors.slice(0, -1))}>Newer</button>
      <button class="quiet" disabled=${page.next === null} onClick=${() => setCursors([...cursors, page.next])}>Older</button>
      <span class="muted">${page.next === null ? 'Last page' : `${limit} per page, more follow`}</span>
    </div>
  </div>`
}

/** @param {{ task: any }} given */
function TaskRow({ task }) {
  const { id, kind, status, slave, createdAt, endedAt } = task
  const took = endedAt === null ? null : Date.parse(endedAt) - Date.parse(createdAt)
  return html`<tr>
    <td><${TaskLink} id=${id} /></td><td>${kind}</td><td><${State} state=${status} /></td>
    <td><${SlaveName} name=${slave} /></td>
    <td class="text"><${Said} text=${inputLine(task) ?? ''} most=${80} /></td>
    <td class="text"><${Said} text=${resultText(task)} most=${80} /></td>
    <td class="num">${time(createdAt)}</td><td class="num">${length(took)}</td>
  </tr>`
}

/** What became of a task or job, in short. @param {any} task */
export function resultText({ kind, failure, resultText, result, omitted }) {
  if (failure) return `${failure.type}: ${failure.message}`
  if (resultText !== undefined) return resultText
  if (omitted?.includes('result') || omitted?.includes('failure')) return 'too long for a list'
  if (kind === 'command' && result) return printedLine(result)
  return result === undefined ? '' : JSON.stringify(result)
}
