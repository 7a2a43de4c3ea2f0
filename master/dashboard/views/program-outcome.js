// What a program gave: how it ended, the end of what it printed, and the files of its task.

import { bytes, count, length } from '../format.js'
import { html, useState } from '../html.js'
import { Fact, Said, SaidBlock } from '../ui.js'

/** How the program of a `command` ended and what it printed. @param {{ result: any }} given */
export function ProgramOutcome({ result }) {
  const { exitCode, signal, stdout, stderr, stdoutBytes, stderrBytes } = result
  const { ranMs, cpuMs, rssBytesMax } = result
  const out = html`<${Printed} key="out" label="stdout" text=${stdout} all=${stdoutBytes} />`
  const err = html`<${Printed} key="err" label="stderr" text=${stderr} all=${stderrBytes} />`
  return html`<div class="card"><h2>Program</h2>
    <dl class="facts">
      <${Fact} label=${signal ? 'ended by' : 'exit code'}>${signal ?? exitCode}<//>
      <${Fact} label="ran for">${length(ranMs)}<//>
      <${Fact} label="processor time">${length(cpuMs)}<//>
      <${Fact} label="memory, at most">${rssBytesMax === null ? '–' : bytes(rssBytesMax)}<//>
    </dl>
    ${exitCode === 0 ? [out, err] : [err, out]}
  </div>`
}

/** @param {{ label: string, text: string, all: number }} given */
function Printed({ label, text, all }) {
  if (all === 0) return null
  const isCut = new TextEncoder().encode(text).length < all
  return html`<h3>${label} <small class="muted">${isCut ? `the end of ${bytes(all)}` : bytes(all)}</small></h3>
    <${SaidBlock} label=${label} text=${text} />`
}

/** The files that a task was given, and those that it left on the master. @param {{ task: any }} given */
export function TaskFiles({ task }) {
  const left = (task.files ?? []).filter(({ sha256, url }) => sha256 && url === undefined)
  const base = `/tasks/${encodeURIComponent(task.id)}/files`
  const hrefOf = ({ name }) => `${base}/${name.split('/').map(encodeURIComponent).join('/')}`
  const given = Object.entries(task.inputFiles ?? {}).map(([name, file]) => ({ name, ...file }))
  const outputs = task.outputs ?? []
  return html`${left.length > 0 ? html`<${FileTable} title="Files that it left" files=${left} hrefOf=${hrefOf} />` : null}
    ${left.length === 0 && outputs.length > 0 ? html`<${NoFiles} task=${task} />` : null}
    ${given.length > 0 ? html`<${FileTable} title="Input files" files=${given} hrefOf=${({ sha256 }) => `/blobs/${sha256}`} />` : null}`
}

/** @param {{ task: any }} given */
const NoFiles = ({
  task: { endedAt, outputs },
}) => html`<div class="card"><h2>Files that it left</h2>
  <p class="muted">${endedAt === null ? 'None yet' : 'None'}; wanted are <${Said} text=${outputs.join(', ')} most=${300} />.</p></div>`

/** Rows that are shown at first, and more at each wish. */
const ROWS = 100

/** @param {{ title: string, files: any[], hrefOf: (file: any) => string }} given */
function FileTable({ title, files, hrefOf }) {
  const [most, setMost] = useState(ROWS)
  return html`<div class="card"><h2>${title}</h2><table class="plain"><thead><tr><th>name</th><th class="num">size</th></tr></thead><tbody>
    ${files.slice(0, most).map(
      (
        file,
      ) => html`<tr key=${file.name}><td><a href=${hrefOf(file)} download=${file.name.split('/').pop()}><${Said} text=${file.name} most=${200} /></a></td>
        <td class="num">${bytes(file.bytes)}</td></tr>`,
    )}
  </tbody></table>
  ${files.length > most ? html`<p class="acts"><button onClick=${() => setMost(most + 10 * ROWS)}>Show more of ${count(files.length)}</button></p>` : null}</div>`
}
