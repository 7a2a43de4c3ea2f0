// One task: its states with their times, its trail, its attempts and its outcome; tried again or
// cancelled from here.

import { json, request } from '../api.js'
import { useFollowed } from '../follow.js'
import { length, some, time } from '../format.js'
import { html, useState } from '../html.js'
import { attemptsOf, meaningOf } from '../lib/trail.js'
import { Fact, Problem, Said, SaidBlock, SlaveName, State } from '../ui.js'
import { Ladder } from './ladder.js'
import { ProgramOutcome, TaskFiles } from './program-outcome.js'
import { resultText } from './tasks.js'

/** How long one request waits for the end of a task. In seconds. */
const WAIT_S = 2

/** @param {{ id: string }} given */
export function Task({ id }) {
  const { task, trail, error } = useTask(id)
  if (error && !task)
    return html`<h1>Task <${Said} text=${id} most=${64} /></h1><${Problem} error=${error} />`
  if (!task) return html`<h1>Task</h1><p class="muted">Loading.</p>`
  return html`
    <h1>Task <span class="id">${task.id}</span></h1>
    <${TaskBody} task=${task} trail=${trail} />`
}

/** A task that was just submitted. @param {{ id: string }} given */
export function SentTask({ id }) {
  const { task, trail, error } = useTask(id)
  if (error) return html`<${Problem} error=${error} />`
  if (!task) return html`<p class="muted">Submitting.</p>`
  return html`<h2>Task <a class="id" href=${`#/task/${id}`}><${Said} text=${id} /></a></h2><${TaskBody} task=${task} trail=${trail} />`
}

/** A task and its trail, kept up to date until it has ended. @param {string | null} id */
export const useTask = (id) => useFollowed(id, { task: null, trail: [] }, readTask)

/** @param {string} id @param {AbortSignal} signal @param {boolean} isFirst @returns {Promise<[object, boolean]>} */
async function readTask(id, signal, isFirst) {
  const path = `/tasks/${encodeURIComponent(id)}`
  const task = await json(path, { signal, asWritten: true, waitS: isFirst ? 0 : WAIT_S })
  const { trail } = await json(`${path}/trail`, { signal })
  return [{ task, trail }, task.endedAt !== null]
}

/** @param {{ task: any, trail: any[] }} given */
export function TaskBody({ task, trail }) {
  const attempts = attemptsOf(trail)
  return html`
    <div class="card">
      <${States} task=${task} trail=${trail} />
      <dl class="facts">
        <${Fact} label="kind">${task.kind}<//>
        <${Fact} label="slave"><${SlaveName} name=${task.slave} /><//>
        <${Fact} label="tries">${task.tries}<//>
        <${Fact} label="priority">${task.priority}<//>
        <${Fact} label="run limit">${length(task.runLimitMs)}<//>
        <${Fact} label="tags">${task.tags.length === 0 ? '–' : html`<${Said} text=${task.tags.join(', ')} />`}<//>
      </dl>
      <${Acts} task=${task} />
    </div>
    <${Outcome} of=${task} />
    <${TaskFiles} task=${task} />
    <div class="card"><h2>Trail</h2><${Ladder} trail=${trail} times /></div>
    ${
      attempts.length > 1
        ? html`<div class="card"><h2>Attempts</h2><ol class="plain">${attempts.map(
            ({
              taken,
              ended,
            }) => html`<li><${SlaveName} name=${taken.slave} /> from ${time(taken.at)}
              ${ended ? ` for ${length(Date.parse(ended.at) - Date.parse(taken.at))}` : ''}: <${Said} text=${howOf(ended)} /></li>`,
          )}</ol></div>`
        : null
    }
    <div class="card"><h2>Input</h2><${SaidBlock} label="Input" text=${task.input?.expression ?? task.input} /></div>`
}

/** Result or failure of a task or job. @param {{ of: any }} given */
export function Outcome({ of }) {
  const { status, failure, resultType, kind, result } = of
  const program = kind === 'command' && result ? html`<${ProgramOutcome} result=${result} />` : null
  if (failure) {
    return html`<div class="card problem"><h2>Failed: ${failure.type}</h2><${SaidBlock} label="Reason" text=${failure.message} /></div>${program}`
  }
  if (status !== 'done') return null
  if (program) return program
  return html`<div class="card"><h2>Result${resultType ? html` <small class="muted">${resultType}</small>` : null}</h2>
    <${SaidBlock} label="Result" text=${resultText({ ...of, omitted: [] })} /></div>`
}

/** How an attempt ended. @param {import('../lib/trail.js').Entry | null} ended */
function howOf(ended) {
  if (ended === null) return 'running'
  if (meaningOf(ended.event) === 'taken') return 'lost'
  return ended.reason ? `${ended.event}: ${ended.reason}` : ended.event
}

/** The states that it went through, with the time between them. @param {{ task: any, trail: any[] }} given */
function States({ task, trail }) {
  const steps = [{ name: 'accepted', at: task.createdAt }]
  if (task.startedAt) steps.push({ name: 'in progress', at: task.startedAt })
  if (task.endedAt) steps.push({ name: task.status, at: task.endedAt })
  else if (!task.startedAt) steps.push({ name: 'pending', at: '' })
  const lost = trail.filter(({ event }) => meaningOf(event) === 'lost').length
  return html`<ol class="steps" aria-label="States">
    ${steps.map(({ name, at }, i) => {
      const before = steps[i - 1]?.at
      return html`<li>
        ${before && at ? html`<span class="between num">${length(Date.parse(at) - Date.parse(before))}</span>` : null}
        <${State} state=${name} /><time class="num muted" datetime=${at}>${at ? time(at) : 'now'}</time></li>`
    })}
    ${lost > 0 ? html`<li class="muted">${some(lost, 'attempt')} lost</li>` : null}
  </ol>`
}

/** @param {{ task: any }} given */
function Acts({ task }) {
  const [error, setError] = useState(/** @type {any} */ (null))
  const act = async (path, method, then) => {
    setError(null)
    try {
      then(await (await request(path, { method })).json())
    } catch (wrong) {
      setError(wrong)
    }
  }
  const path = `/tasks/${task.id}`
  return html`<p class="acts">
    ${
      task.endedAt === null
        ? html`<button onClick=${() => act(path, 'DELETE', () => {})}>Cancel</button>`
        : html`<button onClick=${() =>
            act(`${path}/retry`, 'POST', ({ id }) => {
              location.hash = `#/task/${id}`
            })}>Retry as a new task</button>`
    }
    <a class="button quiet" href=${path}>JSON</a>
  </p><${Problem} error=${error} />`
}
