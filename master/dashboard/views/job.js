// One job, at an address of its own.

import { html } from '../html.js'
import { Said } from '../ui.js'
import { JobBody } from './job-body.js'

/** @param {{ id: string }} given */
export const Job = ({
  id,
}) => html`<h1>Job <span class="id"><${Said} text=${id} most=${64} /></span></h1>
  <${JobBody} id=${id} />`
