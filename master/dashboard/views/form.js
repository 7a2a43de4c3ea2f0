// A form from a JSON schema: a field for each property.

import { html } from '../html.js'
import { Said } from '../ui.js'
import { formOf } from './form-values.js'

/** @typedef {import('./form-values.js').Schema} Schema */

/**
 * @param {{ schema: Schema, typed: Record<string, any>, set: (name: string, value: any) => void,
 *   errors: { field: string, rule: string }[], prefix: string }} given
 */
export function Fields({ schema, typed, set, errors, prefix }) {
  const required = new Set(schema.required ?? [])
  return Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const error = errors.find(({ field }) => [prefix + name, name].includes(field))
    const given = {
      name,
      schema: property,
      value: typed[name],
      set,
      error,
      required: required.has(name),
    }
    return html`<${Field} key=${name} ...${given} />`
  })
}

/** @param {any} given */
function Field({ name, schema, value, set, error, required }) {
  const id = `field-${name}`
  const form = formOf(schema)
  const note = error ? `${error.rule}` : schema.description
  return html`<div class="field" data-wrong=${error !== undefined}>
    <label for=${id}>${name}${required ? null : html` <span class="muted">optional</span>`}</label>
    <${Control} ...${{ id, form, schema, value, name, required }} set=${(typed) => set(name, typed)} />
    ${note ? html`<small id=${`${id}-note`} role=${error ? 'alert' : null}><${Said} text=${note} most=${400} /></small>` : null}
  </div>`
}

/** @param {any} given */
function Control({ id, form, schema, value, set, name }) {
  const common = { id, name, 'aria-describedby': `${id}-note` }
  const take = (event) => set(event.currentTarget.value)
  if (form === 'flag') {
    return html`<input ...${common} type="checkbox" checked=${value === true}
      onChange=${(event) => set(event.currentTarget.checked)} />`
  }
  if (form === 'choice') {
    return html`<select ...${common} value=${value ?? ''} onChange=${take}><option value="">default</option>
      ${schema.anyOf.map((each) => html`<option value=${each.const}>${String(each.const)}</option>`)}</select>`
  }
  if (['lines', 'json', 'long'].includes(form)) {
    const rows = Math.max(2, Math.min(10, String(value ?? '').split('\n').length))
    const hint = { lines: 'one per line', json: 'JSON', long: '' }[form]
    return html`<textarea ...${common} rows=${rows} dir="auto" spellcheck="false" placeholder=${hint}
      value=${value ?? ''} onInput=${take} />`
  }
  const mode = form === 'whole' ? 'numeric' : form === 'number' ? 'decimal' : 'text'
  return html`<input ...${common} inputmode=${mode} dir="auto" autocomplete="off" value=${value ?? ''} onInput=${take} />`
}
