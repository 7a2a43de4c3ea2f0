// Submit something: any kind of task or job, by a form that is made from its schema.

import { json, post } from '../api.js'
import { html, useEffect, useState } from '../html.js'
import { Problem } from '../ui.js'
import { CommandForm } from './command.js'
import { ExpressionBox } from './expression.js'
import { Fields } from './form.js'
import { typedOf, valueTyped } from './form-values.js'
import { ImageForm } from './image.js'
import { JobBody } from './job-body.js'
import { SentTask } from './task.js'
import { WordsForm } from './words.js'

const TASK_OPTIONS = {
  properties: {
    queue: { type: 'boolean', description: 'queue the task when no slave is available' },
    priority: { type: 'integer', description: 'higher priorities are served first' },
    runLimitMs: { type: 'integer', description: 'run limit, in milliseconds' },
    tags: { type: 'array', items: { type: 'string' }, description: 'labels to find it by' },
  },
}
const JOB_OPTIONS = {
  properties: {
    parts: {
      type: 'integer',
      description: 'number of parts; chosen by the kind when not given',
    },
    priority: TASK_OPTIONS.properties.priority,
    runLimitMs: { type: 'integer', description: 'run limit of one part, in milliseconds' },
    tags: TASK_OPTIONS.properties.tags,
  },
}

/** What has a form of its own. */
const OWN = {
  'task/expression': ExpressionBox,
  'task/command': CommandForm,
  'job/image-filter': ImageForm,
  'job/word-count': WordsForm,
}

/** @param {{ what: string }} given */
export function Submit({ what }) {
  const [kinds, setKinds] = useState(/** @type {any} */ (null))
  const [error, setError] = useState(/** @type {any} */ (null))
  useEffect(() => void json('/kinds').then(setKinds, setError), [])
  if (error) return html`<h1>Submit</h1><${Problem} error=${error} />`
  if (!kinds) return html`<h1>Submit</h1><p class="muted">Loading kinds.</p>`
  const tasks = kinds.kinds.filter(({ files }) => !files)
  const choices = [
    ...tasks.map((kind) => ({ ...kind, path: `task/${kind.name}` })),
    ...kinds.jobs.map((kind) => ({ ...kind, path: `job/${kind.name}`, isJob: true })),
  ]
  const chosen =
    choices.find(({ path }) => path === what) ?? choices.find(({ path }) => path in OWN)
  return html`<h1>Submit</h1><div class="sides">
    <nav class="kinds" aria-label="Kinds">
      <h2>Tasks</h2>${choices.filter(({ isJob }) => !isJob).map((kind) => html`<${KindLink} kind=${kind} chosen=${chosen} />`)}
      <h2>Jobs</h2>${choices.filter(({ isJob }) => isJob).map((kind) => html`<${KindLink} kind=${kind} chosen=${chosen} />`)}
      ${kinds.foreign.length > 0 ? html`<p class="muted">Slaves also offer ${kinds.foreign.map(({ name }) => name).join(', ')}.</p>` : null}
    </nav>
    <section key=${chosen?.path} aria-label=${chosen?.name}><p>${chosen?.summary}</p>
      ${chosen?.path in OWN ? html`<${OWN[chosen.path]} kind=${chosen} />` : html`<${KindForm} kind=${chosen} />`}
    </section>
  </div>`
}

/** @param {{ kind: any, chosen: any }} given */
const KindLink = ({ kind, chosen }) => html`<a href=${`#/submit/${kind.path}`}
  aria-current=${kind.path === chosen?.path ? 'true' : null}>${kind.name}
  ${kind.offeredBy === 0 ? html`<small class="muted">no slave offers it</small>` : null}</a>`

/** @param {{ kind: any }} given */
function KindForm({ kind }) {
  const options = kind.isJob ? JOB_OPTIONS : TASK_OPTIONS
  const [typed, setTyped] = useState(() => example(kind, 0))
  const [typedOptions, setTypedOptions] = useState({})
  const [error, setError] = useState(/** @type {any} */ (null))
  const [sent, setSent] = useState(/** @type {string | null} */ (null))
  const submit = async (event) => {
    event.preventDefault()
    setError(null)
    try {
      const body = {
        kind: kind.name,
        input: valuesOf(kind.input, typed),
        ...valuesOf(options, typedOptions),
      }
      const { id } = await post(kind.isJob ? '/jobs' : '/tasks', body)
      setSent(id)
    } catch (wrong) {
      setError(wrong)
    }
  }
  const errors = error?.problem?.errors ?? []
  return html`<div class="card"><form onSubmit=${submit}>
      ${
        kind.examples.length > 1
          ? html`<p class="acts">${kind.examples.map(
              (_, i) =>
                html`<button type="button" class="quiet" onClick=${() => setTyped(example(kind, i))}>Example ${i + 1}</button>`,
            )}</p>`
          : null
      }
      <${Fields} schema=${kind.input} typed=${typed} errors=${errors} prefix="input."
        set=${(name, value) => setTyped({ ...typed, [name]: value })} />
      <details><summary>More</summary><${Fields} schema=${options} typed=${typedOptions} errors=${errors} prefix=""
        set=${(name, value) => setTypedOptions({ ...typedOptions, [name]: value })} /></details>
      <button class="primary">Submit</button>
    </form><${Problem} error=${error} /></div>
    ${sent === null ? null : kind.isJob ? html`<${JobBody} id=${sent} key=${sent} />` : html`<${SentTask} id=${sent} key=${sent} />`}`
}

/** @param {any} kind @param {number} i */
function example(kind, i) {
  const given = kind.examples[i] ?? {}
  const fields = Object.entries(kind.input.properties ?? {})
  return Object.fromEntries(fields.map(([name, schema]) => [name, typedOf(schema, given[name])]))
}

/** @param {any} schema @param {Record<string, any>} typed */
function valuesOf(schema, typed) {
  const values = Object.entries(schema.properties ?? {}).map(([name, each]) => [
    name,
    valueTyped(each, typed[name]),
  ])
  return Object.fromEntries(values.filter(([, value]) => value !== undefined))
}
