// The strips of an image that is being filtered: each stands in its place as soon as it is there,
// outlined in the colour of the slave that filtered it.

import { request } from '../api.js'
import { html, useEffect, useRef, useState } from '../html.js'
import { colourOf, Problem, SlaveName } from '../ui.js'

/** @param {{ job: any, stages: any[] }} given */
export function ImageStrips({ job, stages }) {
  const canvas = useRef(/** @type {any} */ (null))
  const drawn = useRef(new Set())
  const [error, setError] = useState(/** @type {any} */ (null))
  const [outlined, setOutlined] = useState(true)
  const cut = stages.find(({ name }) => name === 'cut')?.parts[0]?.result ?? null
  const strips = stages.find(({ name }) => name === 'filter')?.parts ?? []
  const done = strips.filter(({ status }) => status === 'done')
  useEffect(() => {
    if (!cut || !canvas.current) return
    const pen = canvas.current.getContext('2d')
    for (const { part, files, slave, result } of done) {
      const place = cut.strips[part - 1]
      const sha256 = files?.find(({ name }) => name === 'strip.png' || name === 'piece')?.sha256
      if (!place || !sha256 || drawn.current.has(part)) continue
      drawn.current.add(part)
      const strip = { ...place, sha256, around: result?.around }
      drawStrip(pen, cut.width, strip, outlined ? colourOf(slave) : null).catch(setError)
    }
  })
  const turn = () => {
    drawn.current.clear()
    setOutlined(!outlined)
  }
  if (!cut)
    return job.endedAt === null
      ? html`<p class="muted">A slave cuts the image into strips.</p>`
      : null
  return html`<div class="card">
    <p role="status">${done.length} of ${cut.strips.length} strips are done. ${cut.width} × ${cut.height} pixels.
      <label class="inline"><input type="checkbox" checked=${outlined} onChange=${turn} /> outline strips in the colour of their slave</label></p>
    <canvas class="picture" ref=${canvas} width=${cut.width} height=${cut.height} role="img"
      aria-label=${`The image, with ${done.length} of ${cut.strips.length} strips filtered`} />
    <ul class="strips">${done.map(
      ({ part, slave }) =>
        html`<li>${rowsOf(cut.strips[part - 1])} <${SlaveName} name=${slave} /></li>`,
    )}</ul>
    <${Problem} error=${error} /></div>`
}

/** @param {{ top: number, height: number, filter: string } | undefined} strip */
const rowsOf = (strip) =>
  strip ? `rows ${strip.top} to ${strip.top + strip.height - 1}: ${strip.filter}` : ''

/**
 * A strip brings rows above and below that only its filter needed. A piece of the result becomes an image
 * with what its part says stands around it.
 * @param {CanvasRenderingContext2D} pen @param {number} width
 * @param {{ top: number, height: number, above: number, sha256: string, around?: { head: string, tail: string } }} place
 * @param {string | null} colour
 */
async function drawStrip(pen, width, { top, height, above, sha256, around }, colour) {
  const response = await request(`/blobs/${sha256}`, { isFile: true })
  const file = await response.blob()
  const parts = around ? [bytesOf(around.head), file, bytesOf(around.tail)] : [file]
  const strip = await createImageBitmap(new Blob(parts, { type: 'image/png' }))
  pen.drawImage(strip, 0, above, width, height, 0, top, width, height)
  strip.close()
  if (colour === null) return
  const line = Math.max(2, Math.round(width / 240))
  pen.strokeStyle = colour
  pen.lineWidth = line
  pen.strokeRect(line / 2, top + line / 2, width - line, height - line)
}

/** @param {string} text In base64. */
const bytesOf = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
