// What a program gave: how it ended, the end of what it printed, and the files that it left.

import { bytes, length } from '../format.js'
import { html } from '../html.js'
import { Fact, Said, SaidBlock } from '../ui.js'

/** How the program of a `command` ended and what it printed. @param {{ result: any }} given */
export function ProgramOutcome({ result }) {
  const { exitCode, signal, stdout, stderr, stdoutBytes, stderrBytes } = result
  const { ranMs, cpuMs, rssBytesMax } = result
  return html`<div class="card"><h2>Program</h2>
    <dl class="facts">
      <${Fact} label=${signal ? 'ended by' : 'exit code'}>${signal ?? exitCode}<//>
      <${Fact} label="ran for">${length(ranMs)}<//>
      <${Fact} label="processor time">${length(cpuMs)}<//>
      <${Fact} label="memory, at most">${rssBytesMax === null ? '–' : bytes(rssBytesMax)}<//>
    </dl>
    <${Printed} label="stdout" text=${stdout} all=${stdoutBytes} />
    <${Printed} label="stderr" text=${stderr} all=${stderrBytes} />
  </div>`
}

/** @param {{ label: string, text: string, all: number }} given */
function Printed({ label, text, all }) {
  if (all === 0) return null
  const isCut = new TextEncoder().encode(text).length < all
  return html`<h3>${label} <small class="muted">${isCut ? `the end of ${bytes(all)}` : bytes(all)}</small></h3>
    <${SaidBlock} label=${label} text=${text} />`
}

/** The files that a task left on the master. @param {{ task: any }} given */
export function TaskFiles({ task }) {
  const files = (task.files ?? []).filter(({ sha256, url }) => sha256 && url === undefined)
  if (files.length === 0) return null
  const base = `/tasks/${encodeURIComponent(task.id)}/files`
  const at = (name) => `${base}/${name.split('/').map(encodeURIComponent).join('/')}`
  return html`<div class="card"><h2>Files</h2><table class="plain"><thead><tr><th>name</th><th class="num">size</th></tr></thead><tbody>
    ${files.map(
      (
        file,
      ) => html`<tr><td><a href=${at(file.name)} download=${file.name.split('/').pop()}><${Said} text=${file.name} most=${200} /></a></td>
        <td class="num">${bytes(file.bytes)}</td></tr>`,
    )}
  </tbody></table></div>`
}
