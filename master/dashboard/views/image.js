// Uploads an image and has it filtered; the strips are shown as they come.

import { json, post } from '../api.js'
import { bytes } from '../format.js'
import { html, useState } from '../html.js'
import { Problem } from '../ui.js'
import { JobBody } from './job-body.js'
import { useSubmitting } from './submitting.js'

const FORMATS = ['png', 'jpeg', 'webp']

/** The filters, as the schema's words list them. @param {any} kind */
const filtersOf = (kind) =>
  kind.input.properties.filter.description.split('one of ')[1]?.split(', ') ?? []

/** @param {{ kind: any }} given */
export function ImageForm({ kind }) {
  const filters = filtersOf(kind)
  const [file, setFile] = useState(/** @type {File | null} */ (null))
  const { submit, error, busy, sent } = useSubmitting(async (form, say) => {
    say('Uploading')
    const { sha256 } = await json('/blobs', { method: 'PUT', bytes: /** @type {File} */ (file) })
    const chosen = form
      .getAll('filter')
      .map(String)
      .filter((name) => name !== '')
    const input = {
      image: sha256,
      filters: chosen,
      format: /** @type {string} */ (form.get('format')),
    }
    const parts = Number(form.get('parts'))
    const { id } = await post('/jobs', { kind: kind.name, input, ...(parts > 0 ? { parts } : {}) })
    return id
  })
  const choose = (
    name,
    first,
  ) => html`<label class="field"><span>${name}</span><select name="filter">
    ${first ? null : html`<option value="">the same</option>`}
    ${filters.map((each) => html`<option selected=${first && each === 'sepia'} value=${each}>${each}</option>`)}</select></label>`
  return html`<div class="card"><form onSubmit=${submit}>
      <label class="field"><span>Image (PNG, JPEG or WebP)</span>
        <input type="file" name="image" accept="image/png,image/jpeg,image/webp" required
          onChange=${(event) => setFile(event.currentTarget.files?.[0] ?? null)} />
        ${file ? html`<small class="muted">${bytes(file.size)}</small>` : null}</label>
      <div class="row">${choose('Filter', true)}${choose('for the lower half', false)}
        <label class="field"><span>Strips</span><input name="parts" inputmode="numeric" value="8" /></label>
        <label class="field"><span>Format</span><select name="format">${FORMATS.map((each) => html`<option>${each}</option>`)}</select></label></div>
      <button class="primary" disabled=${busy !== ''}>${busy || 'Apply filter'}</button>
    </form><${Problem} error=${error} /></div>
    ${sent === null ? null : html`<${JobBody} id=${sent} key=${sent} />`}`
}
