// The form that runs a program with files on a slave.

import { json, post } from '../api.js'
import { bytes } from '../format.js'
import { html, useRef, useState } from '../html.js'
import { Problem, Said, useLive } from '../ui.js'
import { commandTask, programsKnown } from './command-task.js'
import { useSubmitting } from './submitting.js'
import { SentTask } from './task.js'

/** Names that are suggested. */
const SUGGESTED_MAX = 200
/** Refusals of tasks that may wait in the queue instead. */
const MAY_WAIT = ['no-capable-slave', 'at-capacity', 'no-slaves']

export function CommandForm() {
  const [files, setFiles] = useState(/** @type {File[]} */ ([]))
  const secret = useRef(/** @type {HTMLTextAreaElement | null} */ (null))
  const { submit, error, busy, sent } = useSubmitting(async (form, say) => {
    /** @type {Record<string, { sha256: string }>} */
    const named = {}
    for (const file of files) {
      say(`Uploading ${file.name}`)
      const { sha256 } = await json('/blobs', { method: 'PUT', bytes: file })
      named[file.name] = { sha256 }
    }
    say('Submitting')
    const { id } = await post(
      '/tasks',
      commandTask((name) => typedIn(form, name), named),
    )
    // The page stays open for others to see.
    if (secret.current) secret.current.value = ''
    return id
  })
  const total = files.reduce((sum, { size }) => sum + size, 0)
  return html`<div class="card"><form onSubmit=${submit} autocomplete="off">
      <div class="field"><label for="program">Program</label>
        <input id="program" name="program" required dir="auto" placeholder="flac" list="programs"
          aria-describedby="programs-known" /><${Known} /></div>
      <${Area} name="args" label="Arguments" hint="one per line; no shell reads them" rows=${3} />
      <div class="field"><label for="files">Files</label>
        <input id="files" type="file" name="files" multiple aria-describedby="files-note"
          onChange=${(event) => setFiles([...(event.currentTarget.files ?? [])])} />
        <small id="files-note">The program finds them under their names in its folder.${files.length > 0 ? ` ${bytes(total)}` : ''}</small></div>
      <${Area} name="outputs" label="Outputs" hint="files to keep, one per line: out.flac or *.flac" />
      <details><summary>More</summary>
        <${Area} name="stdin" label="Standard input" />
        <${Area} name="env" label="Variables" hint="NAME=value, one per line" />
        <${Area} name="secretEnv" label="Secret variables" hint="NAME=value, one per line: never shown again" of=${secret} />
        <div class="row">
          <${Line} name="runLimitS" label="Run limit, in seconds" hint="3600" />
          <${Line} name="attemptsMax" label="Tries, at most" hint="1" />
          <${Line} name="retryOn" label="Exit codes to try again after" hint="75 100" />
        </div>
        <${Area} name="tags" label="Tags" hint="labels to find it by, one per line" />
        <label class="check"><input type="checkbox" name="queue" /> Wait in the queue when no slave is available</label>
      </details>
      <button class="primary" disabled=${busy !== ''}>${busy || 'Run'}</button>
      <${Problem} error=${error}>
        ${error?.problem?.type === 'no-capable-slave' ? html`<${WhatToDo} />` : null}
        ${MAY_WAIT.includes(error?.problem?.type) ? html`<button name="queue" value="on">Queue it instead</button>` : null}
      <//>
    </form></div>
    ${sent === null ? null : html`<${SentTask} id=${sent} key=${sent} />`}`
}

/** What was typed into a field. @param {FormData} form @param {string} name */
function typedIn(form, name) {
  const typed = form.get(name)
  return typeof typed === 'string' ? typed : ''
}

/** @param {{ name: string, label: string, hint?: string, rows?: number, of?: any }} given */
const Area = ({
  name,
  label,
  hint = '',
  rows = 2,
  of = null,
}) => html`<label class="field"><span>${label}</span>
  <textarea name=${name} rows=${rows} ref=${of} dir="auto" spellcheck="false" placeholder=${hint}></textarea></label>`

/** @param {{ name: string, label: string, hint: string }} given */
const Line = ({ name, label, hint }) => html`<label class="field"><span>${label}</span>
  <input name=${name} inputmode="numeric" placeholder=${hint} /></label>`

/** Which programs can run now: as words, and as suggestions. */
function Known() {
  const { order } = useLive()
  const { any, names } = programsKnown(order)
  if (!any && names.length === 0) {
    return html`<small id="programs-known">No slave runs programs now. Slaves started with --commands do.</small>`
  }
  const all = [...names, ...(any ? ['on some slaves any program'] : [])].join(', ')
  return html`<small id="programs-known">Slaves run <${Said} text=${all} most=${300} />.</small>
    <datalist id="programs">${names.slice(0, SUGGESTED_MAX).map((name) => html`<option value=${name} />`)}</datalist>`
}

const WhatToDo = () =>
  html`<p>A slave runs the programs that its operator allows. Start one with --commands and the name of this
    program, or queue the task: it waits for such a slave.</p>`
