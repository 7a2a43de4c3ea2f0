// How what is typed into a form becomes what the schema wants, and the reverse. Pure.

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
