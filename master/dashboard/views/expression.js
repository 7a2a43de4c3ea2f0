// An expression, and its answer as it comes: who was asked, who has it, what came out.

import { post } from '../api.js'
import { html, useState } from '../html.js'
import { Problem, Said, SlaveName, State, TaskLink } from '../ui.js'
import { Ladder } from './ladder.js'
import { useTask } from './task.js'
import { resultText } from './tasks.js'

const KEPT = 8

export function ExpressionBox() {
  const [text, setText] = useState('2 + 3 * sqrt(16)')
  const [sent, setSent] = useState(/** @type {{ id: string, expression: string }[]} */ ([]))
  const [error, setError] = useState(/** @type {any} */ (null))
  const submit = async (queue) => {
    setError(null)
    try {
      const { id } = await post('/tasks', { expression: text, ...(queue ? { queue } : {}) })
      setSent((before) => [{ id, expression: text }, ...before].slice(0, KEPT))
    } catch (wrong) {
      setError(wrong)
    }
  }
  const keys = (event) => {
    if (event.key !== 'Enter' || event.shiftKey) return
    event.preventDefault()
    void submit(false)
  }
  return html`<div class="card expression">
    <form onSubmit=${(event) => {
      event.preventDefault()
      void submit(false)
    }}>
      <label class="field"><span>Expression</span>
        <textarea name="expression" rows=${Math.min(6, text.split('\n').length)} dir="auto" spellcheck="false"
          required value=${text} onInput=${(event) => setText(event.currentTarget.value)} onKeyDown=${keys} />
      </label>
      <button class="primary">Submit</button>
    </form>
    <${Problem} error=${error}>
      ${
        error?.problem?.type === 'at-capacity'
          ? html`<button onClick=${() => void submit(true)}>Queue it instead</button>`
          : null
      }
    <//>
    <div aria-live="polite">${sent.map((each) => html`<${Answer} key=${each.id} ...${each} />`)}</div>
  </div>`
}

/** @param {{ id: string, expression: string }} given */
function Answer({ id, expression }) {
  const { task, trail, error } = useTask(id)
  const result = task ? resultText({ ...task, omitted: [] }) : ''
  return html`<article class="answer">
    <p class="line"><${Said} text=${expression} most=${200} />
      ${result ? html`${' '}<span class="equals" aria-hidden="true">${task.failure ? '✕' : '='}</span> <b><${Said} text=${result} most=${400} /></b>` : null}</p>
    <p class="muted"><${TaskLink} id=${id} /> ${task ? html`<${State} state=${task.status} />` : 'asking'}
      ${task?.slave ? html` <${SlaveName} name=${task.slave} />` : null}</p>
    <details><summary>Trail</summary><${Ladder} trail=${trail} /></details>
    <${Problem} error=${error} />
  </article>`
}
