// A text whose words are counted, paragraph by paragraph.

import { post } from '../api.js'
import { html, useState } from '../html.js'
import { Problem } from '../ui.js'
import { JobBody } from './job-body.js'

const SAMPLE = `Ask first. The master asks its slaves, in order, whether they are available.

The task goes to the first slave that accepts it. If none accepts, the client gets an immediate refusal and the time after which to try again.

Every answer of a slave is kept.

So "why is my task not running?" always has an answer.`

/** @param {{ kind: any }} given */
export function WordsForm({ kind }) {
  const [text, setText] = useState(SAMPLE)
  const [sent, setSent] = useState(/** @type {{ id: string, text: string } | null} */ (null))
  const [error, setError] = useState(/** @type {any} */ (null))
  const submit = async (event) => {
    event.preventDefault()
    setError(null)
    try {
      const { id } = await post('/jobs', { kind: kind.name, input: { text } })
      setSent({ id, text })
    } catch (wrong) {
      setError(wrong)
    }
  }
  return html`<div class="card"><form onSubmit=${submit}>
      <label class="field"><span>Text; empty lines divide it into paragraphs</span>
        <textarea name="text" rows="10" dir="auto" value=${text} onInput=${(event) => setText(event.currentTarget.value)} /></label>
      <button class="primary">Count</button>
    </form><${Problem} error=${error} /></div>
    ${sent === null ? null : html`<${JobBody} id=${sent.id} key=${sent.id} input=${{ text: sent.text }} />`}`
}
