// How much faster jobs get with more slaves: from the jobs that the master has, or from a file that
// `npm run speedup -- --save FILE` wrote. Beside it the laws of Amdahl and of Karp and Flatt.

import { amdahl, fitAmdahl, pointsOf } from '../closed-forms.js'
import { length } from '../format.js'
import { html, useState } from '../html.js'
import { Said } from '../ui.js'
import { Plot } from './plot.js'

/** @param {{ jobs: any[] }} given */
export function Speedup({ jobs }) {
  const [loaded, setLoaded] = useState(/** @type {any} */ (null))
  const [wrong, setWrong] = useState('')
  const load = async (event) => {
    setWrong('')
    try {
      const said = JSON.parse(await event.currentTarget.files[0].text())
      if (!said.runs.every(({ slaves, ms }) => slaves > 0 && ms.length > 0)) throw new Error()
      setLoaded(said)
    } catch {
      setWrong('The file was not written by npm run speedup -- --save FILE.')
    }
  }
  const groups = loaded
    ? [{ name: `${loaded.kind}, from the file`, runs: loaded.runs }]
    : groupsOf(jobs)
  return html`<div class="card">
    <label class="field"><span>Load a file written by <code>npm run speedup -- --save FILE</code></span>
      <input type="file" accept="application/json,.json" onChange=${load} /></label>
    ${wrong ? html`<p role="alert">${wrong}</p>` : null}
    ${
      groups.length === 0
        ? html`<p class="muted">No job above was run with the same input on one slave and on several. Run one again after a slave has joined or left.</p>`
        : groups.map((group) => html`<${Curve} key=${group.name} ...${group} />`)
    }</div>`
}

/** Jobs with the same input that were done with one slave, and with more. @param {any[]} jobs */
export function groupsOf(jobs) {
  /** @type {Map<string, Map<number, number[]>>} */
  const same = new Map()
  for (const { kind, input, status, slaves, ms } of jobs) {
    if (status !== 'done' || input === undefined) continue
    const name = `${kind} ${JSON.stringify(input)}`
    const by = same.get(name) ?? new Map()
    same.set(name, by.set(slaves, [...(by.get(slaves) ?? []), ms]))
  }
  return [...same]
    .filter(([, by]) => by.has(1) && by.size > 1)
    .map(([name, by]) => ({ name, runs: [...by].map(([slaves, ms]) => ({ slaves, ms })) }))
}

/** @param {{ name: string, runs: { slaves: number, ms: number[] }[] }} given */
function Curve({ name, runs }) {
  const points = pointsOf(runs)
  const serial = fitAmdahl(points)
  const most = Math.max(...points.map(({ slaves }) => slaves), 2)
  const steps = Array.from({ length: 41 }, (_, i) => 1 + ((most - 1) * i) / 40)
  const lines = [{ name: 'linear', style: 'faint', points: steps.map((p) => [p, p]) }]
  if (serial !== null) {
    lines.push({
      name: `Amdahl, serial ${serial.toFixed(3)}`,
      style: 'dashed',
      points: steps.map((p) => [p, amdahl(serial, p)]),
    })
  }
  const measured = points.map(({ slaves, speedup }) => [slaves, speedup])
  const fractions = points
    .filter((point) => point.karpFlatt !== null)
    .map((point) => [point.slaves, point.karpFlatt])
  return html`<h3><${Said} text=${name} most=${120} /></h3><div class="plots">
    <${Plot} label="Speed-up" x="slaves" lines=${lines} dots=${measured} dotName="measured" />
    <${Plot} label="Karp-Flatt e" x="slaves" lines=${[{ name: 'e', style: 'solid', points: fractions }]} dots=${fractions} dotName="serial fraction" />
  </div>
  <table class="plain"><thead><tr><th class="num">slaves</th><th class="num">median</th><th class="num">speed-up</th><th class="num">Karp-Flatt e</th></tr></thead>
    <tbody>${points.map(
      ({
        slaves,
        median,
        speedup,
        karpFlatt,
      }) => html`<tr><td class="num">${slaves}</td><td class="num">${length(median)}</td>
        <td class="num">${speedup.toFixed(2)}</td><td class="num">${karpFlatt === null ? '–' : karpFlatt.toFixed(3)}</td></tr>`,
    )}</tbody></table>
  ${serial === null ? html`<p class="muted">Amdahl's law is not fitted: that needs measurements with at least three numbers of slaves.</p>` : null}`
}
