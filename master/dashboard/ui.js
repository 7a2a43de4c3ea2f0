// Small things that several views show: text of users, states as shape and word, slots as pips.

import { plainly, shortId } from './format.js'
import { Fragment, html, useEffect, useState } from './html.js'
import { ordinal } from './lib/trail.js'
import { live, watch } from './live.js'

/** Shows anew what uses it, whenever the live state has changed. */
export function useLive() {
  const [, again] = useState(0)
  useEffect(() => watch(() => again((n) => n + 1)), [])
  return live
}

/**
 * Something that users or slaves named: text, isolated in its direction, cut when it is long.
 * @param {{ text: unknown, most?: number }} given
 */
export function Said({ text, most = 160 }) {
  const whole = plainly(typeof text === 'string' ? text : (JSON.stringify(text) ?? ''))
  const left = whole.length - most
  if (left <= 0) return html`<bdi class="said" dir="auto">${whole}</bdi>`
  return html`<${Fragment}>
    <bdi class="said" dir="auto">${whole.slice(0, most)}</bdi>
    <span class="muted">… and ${left} more characters</span>
  <//>`
}

/** The same at its full length, in a box. @param {{ text: unknown, label: string }} given */
export function SaidBlock({ text, label }) {
  const whole = plainly(typeof text === 'string' ? text : (JSON.stringify(text, null, 2) ?? ''))
  return html`<pre class="block" dir="auto" tabindex="0" aria-label=${label}>${whole}</pre>`
}

/** Each state has a shape of its own, and always its word. */
const SHAPES = {
  free: 'ring',
  busy: 'disc',
  draining: 'half',
  unwilling: 'bar',
  faulty: 'query',
  elsewhere: 'query',
  suspect: 'query',
  silent: 'cross',
  accepted: 'ring',
  waiting: 'ring',
  pending: 'ring',
  running: 'half',
  'in progress': 'half',
  done: 'disc',
  failed: 'cross',
  lost: 'cross',
  cancelled: 'bar',
  expired: 'bar',
}
/** @param {{ state: string }} given */
export const State = ({ state }) => html`
  <span class="state" data-state=${state}>
    <span class="shape" data-shape=${SHAPES[state] ?? 'query'} aria-hidden="true" />${state}
  </span>`

/** How much of something is taken. @param {{ value: number, most: number, label: string }} given */
export const Meter = ({ value, most, label }) =>
  html`<meter min="0" max=${most} value=${value} aria-label=${label} />`

const PIPS_MAX = 16
/** @param {{ slots: number, free: number }} given */
export function Pips({ slots, free }) {
  const busy = Math.max(0, slots - free)
  const words = `${busy} of ${slots} slots taken`
  if (slots > PIPS_MAX) {
    return html`<span class="pips">
      <${Meter} value=${busy} most=${slots} label=${words} />
      <span class="muted num">${busy}/${slots}</span>
    </span>`
  }
  return html`<span class="pips" role="img" aria-label=${words} title=${words}>
    ${Array.from({ length: slots }, (_, i) => html`<i class="pip" data-taken=${i < busy} />`)}
  </span>`
}

/** A colour for each place in the order of asking, apart from its neighbours'. @param {number} place */
export const hueOf = (place) => Math.round((place * 137.508 + 20) % 360)

/** A slave's colour, for what CSS does not reach. @param {string | null | undefined} name */
export function colourOf(name) {
  const place = live.slaves.get(name ?? '')?.place
  const dark = matchMedia('(prefers-color-scheme: dark)').matches
  if (place === undefined) return dark ? '#8b929a' : '#7a7f87'
  return `hsl(${hueOf(place)} ${dark ? '55% 62%' : '52% 42%'})`
}

/** A slave by name, with its colour beside it. @param {{ name: string | null | undefined }} given */
export function SlaveName({ name }) {
  if (!name) return html`<span class="muted">–</span>`
  return html`<a class="slave-name" href=${`#/slave/${encodeURIComponent(name)}`}>
    <i class="swatch" style=${{ background: colourOf(name) }} aria-hidden="true" />
    <${Said} text=${name} most=${64} />
  </a>`
}

/** @param {{ id: string }} given */
export const TaskLink = ({ id }) =>
  html`<a class="id" href=${`#/task/${id}`} title=${id}>${shortId(id)}</a>`

/** @param {{ id: string }} given */
export const JobLink = ({ id }) =>
  html`<a class="id" href=${`#/job/${id}`} title=${id}>${shortId(id)}</a>`

/** @param {{ label: string, children?: any, note?: any }} given */
export const Fact = ({ label, children, note }) => html`
  <div class="fact"><dt>${label}</dt><dd>${children}${note ? html`<small>${note}</small>` : null}</dd></div>`

/** A refusal in words, with who was asked. @param {{ error: any, children?: any }} given */
export function Problem({ error, children }) {
  if (!error) return null
  const problem = error.problem ?? {}
  const asked = problem.asked ?? []
  return html`<div class="problem" role="alert">
    <strong>${problem.title ?? 'The request failed.'}</strong>
    <p><${Said} text=${error.message} most=${600} /></p>
    ${error.retryAfter ? html`<p>A slot is expected to be free in about ${error.retryAfter} s.</p>` : null}
    ${asked.length > 0 ? html`<ol class="ladder">${asked.slice(0, 12).map(askedLine)}</ol>` : null}
    ${asked.length > 12 ? html`<p class="muted">and ${asked.length - 12} more</p>` : null}
    ${children}
  </div>`
}

/** @param {{ slave?: string, answer: string, reason: string }} line @param {number} i */
const askedLine = ({ slave, answer, reason }, i) => html`
  <li data-event="busy">
    <span>${ordinal(i + 1)}: <${SlaveName} name=${slave} />, ${answer}${reason ? ', ' : ''}<${Said} text=${reason} /></span>
  </li>`
