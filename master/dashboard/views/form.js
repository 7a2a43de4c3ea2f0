// A form from a JSON schema: a field for each property, and what was typed as the schema wants it.

import { html } from '../html.js'
import { Said } from '../ui.js'

/** @typedef {Record<string, any>} Schema */

/**
 * How a property is asked for.
 * @param {Schema} schema
 * @returns {'choice' | 'flag' | 'whole' | 'number' | 'mixed' | 'lines' | 'json' | 'long' | 'text'}
 */
export function formOf(schema) {
  const any = schema.anyOf
  if (any?.every((each) => 'const' in each)) return 'choice'
  if (any?.every(({ type }) => ['integer', 'number', 'string'].includes(type))) return 'mixed'
  if (schema.type === 'boolean') return 'flag'
  if (schema.type === 'integer') return 'whole'
  if (schema.type === 'number') return 'number'
  if (schema.type === 'array' && schema.items?.type === 'string') return 'lines'
  if (schema.type !== 'string') return 'json'
  return (schema.maxLength ?? 1e9) > 200 && !schema.pattern?.startsWith('^') ? 'long' : 'text'
}

/**
 * What was typed, as the schema wants it; undefined when nothing was.
 * @param {Schema} schema @param {string | boolean | undefined} typed
 */
export function valueTyped(schema, typed) {
  const form = formOf(schema)
  if (form === 'flag') return typed === true ? true : undefined
  const text = String(typed ?? '')
  if (text.trim() === '') return undefined
  if (form === 'whole' || form === 'number') return Number.isNaN(Number(text)) ? text : Number(text)
  if (form === 'mixed') return Number.isSafeInteger(Number(text)) ? Number(text) : text.trim()
  if (form === 'lines') return text.split('\n').filter((line) => line !== '')
  return form === 'json' ? jsonOr(text) : text
}

/** JSON, or else the text as it is: `all` needs no quotes. @param {string} text */
function jsonOr(text) {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** An example as if it had been typed. @param {Schema} schema @param {unknown} value */
export function typedOf(schema, value) {
  if (value === undefined) return undefined
  const form = formOf(schema)
  if (form === 'flag') return value === true
  if (form === 'lines' && Array.isArray(value)) return value.join('\n')
  return typeof value === 'string' ? value : JSON.stringify(value)
}

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
    return html`<select ...${common} value=${value ?? ''} onChange=${take}><option value="">as usual</option>
      ${schema.anyOf.map((each) => html`<option value=${each.const}>${String(each.const)}</option>`)}</select>`
  }
  if (['lines', 'json', 'long'].includes(form)) {
    const rows = Math.max(2, Math.min(10, String(value ?? '').split('\n').length))
    const hint = { lines: 'one to a line', json: 'JSON', long: '' }[form]
    return html`<textarea ...${common} rows=${rows} dir="auto" spellcheck="false" placeholder=${hint}
      value=${value ?? ''} onInput=${take} />`
  }
  const mode = form === 'whole' ? 'numeric' : form === 'number' ? 'decimal' : 'text'
  return html`<input ...${common} inputmode=${mode} dir="auto" autocomplete="off" value=${value ?? ''} onInput=${take} />`
}
