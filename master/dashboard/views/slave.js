// One slave: what it is, what it refused and why, its own timeline, and its last tasks.

import { bytes, count, length, time } from '../format.js'
import { html } from '../html.js'
import { Fact, Meter, Pips, Said, State, useLive } from '../ui.js'
import { answerOf, Drain, programsOf, sinceOf } from './slaves.js'
import { Stream } from './stream.js'
import { TaskTable } from './tasks.js'

/** What becomes of the processes that a program started, when its run ends. */
const CONTAINMENT = {
  'pid-namespace': 'all its processes end',
  cgroup: 'all its processes end',
  'process-group': 'processes that leave its process group can survive',
}

/** @param {{ name: string }} given */
export function Slave({ name }) {
  const { slaves, link } = useLive()
  const slave = slaves.get(name)
  if (!slave) {
    const why = link === 'connecting' ? 'Waiting for the master.' : 'The slave is not registered.'
    return html`<h1><${Said} text=${name} most=${64} /></h1><p>${why}</p>`
  }
  const refusals = Object.entries(slave.refusals ?? {}).sort(([, a], [, b]) => b - a)
  return html`
    <h1><${Said} text=${name} most=${64} /> <${State} state=${slave.state} /> <${Drain} slave=${slave} /></h1>
    <div class="card"><dl class="facts">
      <${Fact} label="place in the order of asking">${slave.place}<//>
      <${Fact} label="slots"><${Pips} slots=${slave.slots} free=${slave.free} /><//>
      <${Fact} label="status"><${Said} text=${sinceOf(slave) || 'accepting tasks'} /><//>
      <${Fact} label="last answer">${slave.lastAnswer ? answerOf(slave.lastAnswer, slave) : '–'}<//>
      <${Fact} label="mean run time">${length(slave.serviceMs)}<//>
      <${Fact} label="taken, ended">${count(slave.taken)}, ${count(slave.ended)}<//>
      <${Fact} label="address"><${Said} text=${slave.url ?? 'polling'} /><//>
      <${Fact} label="version"><${Said} text=${slave.version} /><//>
      <${Fact} label="in this state since">${time(slave.since)}<//>
      <${Fact} label="tags">${slave.tags.length === 0 ? '–' : html`<${Said} text=${slave.tags.join(', ')} />`}<//>
    </dl>
    <p class="muted">Offers <${Said} text=${slave.kinds.join(', ')} most=${600} /></p></div>
    <${Programs} slave=${slave} />
    <h2>Timeline</h2>
    <${Stream} only=${name} />
    <h2>Refusals</h2>
    ${
      refusals.length === 0
        ? html`<p class="muted">It has refused no tasks.</p>`
        : html`<div class="card"><table class="plain"><thead><tr><th>reason</th><th class="num">times</th></tr></thead><tbody>
          ${refusals.map(([reason, times]) => html`<tr><td><${Said} text=${reason} /></td><td class="num">${count(times)}</td></tr>`)}
        </tbody></table></div>`
    }
    <h2>Last tasks</h2>
    <${TaskTable} query=${{ slave: name }} limit=${10} />`
}

/** The programs that it runs, and how full its cache of files is. @param {{ slave: import('../live.js').Slave }} given */
function Programs({ slave: { commands, cache, features = [] } }) {
  return html`<h2>Programs and files</h2>
    <div class="card"><dl class="facts">
      <${Fact} label="runs programs">${commands ? html`<${Said} text=${programsOf(commands)} most=${600} />` : 'no: started without --commands'}<//>
      ${commands ? html`<${Fact} label="when a run ends">${CONTAINMENT[commands.containment] ?? '–'}<//>` : null}
      <${Fact} label="cache of files">${
        cache
          ? html`<${Meter} value=${cache.bytes} most=${cache.bytesMax} label="cache of files" />
            <span>${bytes(cache.bytes)} of ${bytes(cache.bytesMax)}</span>`
          : '–'
      }<//>
      <${Fact} label="features"><${Said} text=${features.length === 0 ? 'none' : features.join(', ')} most=${600} /><//>
    </dl></div>`
}
