// A program: the form that runs one with files, what it printed, and the files that it left.

import { json, post } from '../api.js'
import { bytes } from '../format.js'
import { html, useState } from '../html.js'
import { Problem } from '../ui.js'
import { useSubmitting } from './submitting.js'
import { SentTask } from './task.js'

/** What was typed into a field. @param {FormData} form @param {string} name */
function typedIn(form, name) {
  const typed = form.get(name)
  return typeof typed === 'string' ? typed : ''
}

/** Lines of a text; none when it is empty. @param {string} text */
const linesOf = (text) =>
  text
    .split('\n')
    .map((line) => line.replace(/\r$/, ''))
    .filter((line) => line !== '')

/** `NAME=value`, one per line. @param {string} text */
const variablesOf = (text) =>
  Object.fromEntries(
    linesOf(text).map((line) => {
      const [name = '', ...value] = line.split('=')
      return [name.trim(), value.join('=')]
    }),
  )

export function CommandForm() {
  const [files, setFiles] = useState(/** @type {File[]} */ ([]))
  const { submit, error, busy, sent } = useSubmitting(async (form, say) => {
    const named = {}
    for (const file of files) {
      say(`Uploading ${file.name}`)
      const { sha256 } = await json('/blobs', { method: 'PUT', bytes: file })
      named[file.name] = { sha256 }
    }
    say('Submitting')
    const input = {
      program: typedIn(form, 'program').trim(),
      args: linesOf(typedIn(form, 'args')),
      stdin: typedIn(form, 'stdin'),
      env: variablesOf(typedIn(form, 'env')),
      secretEnv: variablesOf(typedIn(form, 'secretEnv')),
    }
    const outputs = linesOf(typedIn(form, 'outputs'))
    const queue = form.get('queue') === 'on'
    const { id } = await post('/tasks', { kind: 'command', input, files: named, outputs, queue })
    return id
  })
  const area = (name, label, hint, rows = 2) => html`<label class="field"><span>${label}</span>
    <textarea name=${name} rows=${rows} dir="auto" spellcheck="false" placeholder=${hint}></textarea></label>`
  return html`<div class="card"><form onSubmit=${submit} autocomplete="off">
      <label class="field"><span>Program</span><input name="program" required dir="auto" placeholder="flac" /></label>
      ${area('args', 'Arguments', 'one per line; no shell reads them', 3)}
      <label class="field"><span>Files</span><input type="file" name="files" multiple
        onChange=${(event) => setFiles([...(event.currentTarget.files ?? [])])} />
        ${files.length > 0 ? html`<small class="muted">${bytes(files.reduce((sum, { size }) => sum + size, 0))}</small>` : null}</label>
      ${area('outputs', 'Outputs', 'paths or patterns of files that it writes, one per line: *.flac')}
      <details><summary>More</summary>
        ${area('stdin', 'Standard input', '')}
        ${area('env', 'Variables', 'NAME=value, one per line')}
        ${area('secretEnv', 'Secret variables', 'NAME=value, one per line: never shown again')}
        <label class="field"><span>Wait in the queue</span><input type="checkbox" name="queue" /></label>
      </details>
      <button class="primary" disabled=${busy !== ''}>${busy || 'Run'}</button>
    </form><${Problem} error=${error} /></div>
    ${sent === null ? null : html`<${SentTask} id=${sent} key=${sent} />`}`
}
