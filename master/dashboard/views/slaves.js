// The slaves, in the order of asking: what each is, has and last said.

import { request } from '../api.js'
import { count, length, plainly } from '../format.js'
import { html, useState } from '../html.js'
import { now } from '../live.js'
import { Pips, Problem, Said, SlaveName, State, useLive } from '../ui.js'
import { useNarrow, VirtualList } from '../virtual.js'

/** @typedef {import('../live.js').Slave} SlaveRow */

/** What a line says of a slave is cut to what fits. In characters. */
const ABOUT_MOST = 400
const ROW = 64
const ROW_NARROW = 118

export function Slaves() {
  return html`<h1>Slaves, in the order of asking</h1><${SlaveList} most=${900} />`
}

/** @param {{ most: number, filter?: boolean }} given */
export function SlaveList({ most, filter = true }) {
  const { order, slavesOmitted, verdict } = useLive()
  const [wanted, setWanted] = useState('')
  const narrow = useNarrow()
  const shown = wanted === '' ? order : order.filter((slave) => matches(slave, wanted))
  const cut = slavesOmitted > 0 ? `${count(slavesOmitted)} more not shown. ` : ''
  return html`<div class="card flush">
    ${
      filter
        ? html`<div class="bar">
      <label class="find"><span class="sr">Find by name, kind, program, tag or state</span>
        <input type="search" placeholder="Find by name, kind, program, tag or state" value=${wanted}
          onInput=${(event) => setWanted(event.currentTarget.value.trim().toLowerCase())} />
      </label>
      <span class="muted" role="status">${cut}${
        wanted === ''
          ? `${count(order.length)} in total`
          : `${count(shown.length)} of ${count(order.length)}`
      }</span>
    </div>`
        : null
    }
    ${
      shown.length === 0
        ? html`<p class="empty">${nothingShown(order.length, verdict !== null)}</p>`
        : html`<${VirtualList} items=${shown} rowHeight=${narrow ? ROW_NARROW : ROW} most=${most}
            label="Slaves in the order of asking" keyOf=${(slave) => slave.name}
            row=${(slave) => html`<${SlaveLine} slave=${slave} />`} />`
    }
    ${slavesOmitted > 0 && !filter ? html`<p class="empty">${cut}</p>` : null}
  </div>`
}

/** Why the list is empty. @param {number} slaves @param {boolean} isKnown whether the master has said anything */
function nothingShown(slaves, isKnown) {
  if (!isKnown) return 'Waiting for the first data from the master.'
  return slaves === 0 ? 'No slave is registered.' : 'No slave matches.'
}

/** The programs that a slave runs, in words. @param {NonNullable<SlaveRow['commands']>} commands */
export function programsOf({ programs }) {
  if (programs === 'any') return 'any program'
  return programs.length === 0 ? 'none' : programs.join(', ')
}

/** @param {SlaveRow} slave @param {string} wanted */
const matches = ({ name, kinds, tags, state, reason, commands }, wanted) =>
  [name, state, reason, ...kinds, ...tags, commands ? programsOf(commands) : ''].some((text) =>
    text.toLowerCase().includes(wanted),
  )

/** @param {{ slave: SlaveRow }} given */
function SlaveLine({ slave }) {
  const { place, name, state, reason, slots, free, serviceMs, lastAnswer, kinds, tags } = slave
  const runs = slave.commands ? [`runs ${programsOf(slave.commands)};`] : []
  const words = [...tags.map((tag) => `#${tag}`), ...runs, ...kinds].join(' ')
  const about = plainly(words.slice(0, ABOUT_MOST))
  return html`<div class="slave-line">
    <span class="place num" title="place in the order of asking">${place}</span>
    <span class="who"><${SlaveName} name=${name} /><small class="muted clip" title=${about} dir="auto">${about}</small></span>
    <${Pips} slots=${slots} free=${free} />
    <span class="how"><${State} state=${state} /><small class="muted clip" title=${reason}><${Said} text=${sinceOf(slave)} most=${90} /></small></span>
    <span class="num times"><span title="mean run time">${length(serviceMs)}</span>
      <small class="muted">${lastAnswer ? answerOf(lastAnswer, slave) : heardOf(slave)}</small></span>
    <${Drain} slave=${slave} />
  </div>`
}

/** Why it takes nothing, and since when, where that says something. @param {SlaveRow} slave */
export function sinceOf({ reason, since, state }) {
  if ((state !== 'suspect' && state !== 'silent') || typeof since !== 'number') return reason
  return `for ${length(Math.max(0, now() - since))}${reason ? `: ${reason}` : ''}`
}

/** @param {NonNullable<SlaveRow['lastAnswer']>} answer @param {SlaveRow} slave */
export function answerOf({ event, ageMs, ms }, { seenAt }) {
  const age = ageMs + Date.now() - (seenAt ?? Date.now())
  return `${event}${typeof ms === 'number' ? `, ${length(ms)}` : ''}; ${length(age)} ago`
}

/** @param {SlaveRow} slave */
const heardOf = ({ heardMs, seenAt }) =>
  heardMs === null
    ? 'never seen'
    : `last seen ${length(heardMs + Date.now() - (seenAt ?? Date.now()))} ago`

/** @param {{ slave: SlaveRow }} given */
export function Drain({ slave: { name, drained } }) {
  const [error, setError] = useState(/** @type {any} */ (null))
  const [busy, setBusy] = useState(false)
  const turn = async () => {
    setBusy(true)
    setError(null)
    const what = drained ? 'resume' : 'drain'
    try {
      await request(`/slaves/${encodeURIComponent(name)}/${what}`, { method: 'POST' })
    } catch (wrong) {
      setError(wrong)
    }
    setBusy(false)
  }
  return html`<span class="act">
    <button class="quiet" disabled=${busy} onClick=${turn}
      aria-label=${`${drained ? 'Resume' : 'Drain'} ${name}`}
      title=${drained ? 'Send it offers again' : 'Send it no more offers; it finishes its tasks'}
    >${drained ? 'Resume' : 'Drain'}</button>
    <${Problem} error=${error} />
  </span>`
}
