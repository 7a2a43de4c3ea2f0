// Draws the part of the task stream that is in sight, and remembers where each bar is.

import { keysOf } from '../bars.js'
import { colourOf } from '../ui.js'
import { ROW, segmentsOf, slaveAt, WAITING_ROWS } from './stream-layout.js'

/**
 * @typedef {{ x: number, y: number, width: number, key: string, row: number }} Hit
 * @typedef {{ canvas: HTMLCanvasElement, layout: import('./stream-layout.js').Layout,
 *   bars: import('../bars.js').Bars, top: number, width: number, height: number, gutter: number,
 *   end: number, spanMs: number, now: number, chosen: string | null, waiting: number }} Scene
 */

const BAR = 12
const GAP = (ROW - BAR) / 2
const TICKS = [1_000, 2_000, 5_000, 10_000, 30_000, 60_000]

/** Draws it; gives where the bars are. @param {Scene} scene @returns {Hit[]} */
export function draw(scene) {
  const { canvas, width, height } = scene
  const scale = devicePixelRatio || 1
  if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale)
  if (canvas.height !== Math.round(height * scale)) canvas.height = Math.round(height * scale)
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'))
  const inks = inksOf(canvas)
  pen.setTransform(scale, 0, 0, scale, 0, 0)
  pen.clearRect(0, 0, width, height)
  pen.font = `12px ${inks.font}`
  pen.textBaseline = 'middle'
  drawTimes(pen, scene, inks)
  const hits = drawRows(pen, scene, inks)
  drawNames(pen, scene, inks)
  return hits
}

/** @param {CanvasRenderingContext2D} pen @param {Scene} scene @param {ReturnType<typeof inksOf>} inks */
function drawTimes(pen, { width, height, gutter, end, spanMs }, inks) {
  const tick = TICKS.find((ms) => spanMs / ms <= 8) ?? 60_000
  pen.strokeStyle = inks.line
  pen.lineWidth = 1
  pen.beginPath()
  for (let at = Math.ceil((end - spanMs) / tick) * tick; at <= end; at += tick) {
    const x = Math.round(gutter + ((at - end + spanMs) / spanMs) * (width - gutter)) + 0.5
    pen.moveTo(x, 0)
    pen.lineTo(x, height)
  }
  pen.stroke()
}

/** @param {CanvasRenderingContext2D} pen @param {Scene} scene @param {ReturnType<typeof inksOf>} inks */
function drawRows(pen, scene, inks) {
  /** @type {Hit[]} */
  const hits = []
  const { layout, bars, top, height, width, gutter } = scene
  const last = slaveAt(layout, Math.ceil((top + height) / ROW))
  pen.save()
  pen.beginPath()
  pen.rect(gutter, 0, width - gutter, height)
  pen.clip()
  if (top < WAITING_ROWS * ROW) drawBars(pen, scene, inks, null, 0, hits)
  for (let i = Math.max(0, slaveAt(layout, Math.floor(top / ROW))); i <= last; i++) {
    const slave = layout.slaves[i]
    const start = layout.starts[i] ?? 0
    if (!slave) continue
    pen.strokeStyle = inks.line
    const y = Math.round(start * ROW - top) + 0.5
    pen.beginPath()
    pen.moveTo(gutter, y)
    pen.lineTo(width, y)
    pen.stroke()
    if (keysOf(bars, slave.name).size > 0) drawBars(pen, scene, inks, slave, start, hits)
  }
  pen.restore()
  return hits
}

/**
 * @param {CanvasRenderingContext2D} pen @param {Scene} scene @param {ReturnType<typeof inksOf>} inks
 * @param {import('../live.js').Slave | null} slave @param {number} start @param {Hit[]} hits
 */
function drawBars(pen, scene, inks, slave, start, hits) {
  const { bars, top, height, width, gutter, end, spanMs, now, chosen } = scene
  const place = (at) => gutter + ((at - end + spanMs) / spanMs) * (width - gutter)
  const colour = slave ? colourOf(slave.name) : inks.muted
  for (const key of keysOf(bars, slave?.name ?? null)) {
    const bar = bars.byKey.get(key)
    if (!bar || bar.createdAt > end || (bar.endedAt ?? now) < end - spanMs) continue
    const row = start + Math.min(bar.row ?? 0, Math.max(0, (slave?.slots ?? 1) - 1))
    const y = row * ROW - top
    if (y + ROW < 0 || y > height) continue
    const shown = Math.min(now, end)
    for (const { is, from, to } of segmentsOf(bar, shown)) {
      drawSegment(pen, inks, is, place(from), place(Math.min(to, shown)), y, colour, bar)
    }
    const x = place(bar.startedAt ?? bar.createdAt)
    const wide = Math.max(3, place(Math.min(bar.endedAt ?? shown, shown)) - x)
    hits.push({ x, y, width: wide, key, row })
    if (key !== chosen) continue
    pen.strokeStyle = inks.ink
    pen.lineWidth = 2
    pen.strokeRect(x - 1, y + GAP - 1, wide + 2, BAR + 2)
    pen.lineWidth = 1
  }
}

/**
 * @param {CanvasRenderingContext2D} pen @param {ReturnType<typeof inksOf>} inks @param {string} is
 * @param {number} x @param {number} to @param {number} y @param {string} colour
 * @param {import('../bars.js').Bar} bar
 */
function drawSegment(pen, inks, is, x, to, y, colour, bar) {
  const width = Math.max(is === 'run' ? 2 : 1, to - x)
  if (is === 'queue') {
    pen.fillStyle = inks.muted
    pen.fillRect(x, y + ROW - 2, width, 1.5)
    return
  }
  if (is === 'ask' || is === 'callback') {
    pen.fillStyle = is === 'ask' ? inks.accent : inks.muted
    pen.fillRect(x, y + GAP + 3, width, BAR - 6)
    return
  }
  const wrong = bar.lost === true || bar.status === 'failed'
  pen.fillStyle = wrong ? inks.hatch : colour
  pen.globalAlpha = bar.endedAt === null ? 0.55 : 1
  pen.fillRect(x, y + GAP, width, BAR)
  pen.globalAlpha = 1
  if (wrong || bar.status === 'cancelled') {
    pen.strokeStyle = inks.bad
    if (bar.lost) pen.setLineDash([3, 2])
    pen.strokeRect(x + 0.5, y + GAP + 0.5, Math.max(1, width - 1), BAR - 1)
    pen.setLineDash([])
  } else if (width > 5 && bar.endedAt !== null) {
    pen.fillStyle = inks.card
    pen.fillRect(x + width - 1, y + GAP, 1, BAR)
  }
}

/** @param {CanvasRenderingContext2D} pen @param {Scene} scene @param {ReturnType<typeof inksOf>} inks */
function drawNames(pen, { layout, waiting, top, height, gutter }, inks) {
  const write = (text, row, colour) => {
    const y = row * ROW - top + ROW / 2
    if (y < -ROW || y > height + ROW) return
    if (colour) {
      pen.fillStyle = colour
      pen.fillRect(2, y - 4, 8, 8)
    }
    pen.fillStyle = inks.ink
    pen.fillText(clipped(pen, text, gutter - 22), 15, y)
  }
  write(waiting === 0 ? 'waiting' : `waiting ${waiting}`, 0, null)
  const last = slaveAt(layout, Math.ceil((top + height) / ROW))
  for (let i = Math.max(0, slaveAt(layout, Math.floor(top / ROW))); i <= last; i++) {
    const slave = layout.slaves[i]
    if (slave) write(slave.name, layout.starts[i] ?? 0, colourOf(slave.name))
  }
}

/** @param {CanvasRenderingContext2D} pen @param {string} text @param {number} width */
function clipped(pen, text, width) {
  if (pen.measureText(text).width <= width) return text
  let length = text.length
  while (length > 1 && pen.measureText(`${text.slice(0, length)}…`).width > width) length--
  return `${text.slice(0, length)}…`
}

/** @type {{ at: number, inks: any } | null} */
let known = null

/** The colours of the page as they are now: it may turn dark. @param {HTMLCanvasElement} canvas */
function inksOf(canvas) {
  if (known && performance.now() - known.at < 1_000) return known.inks
  const style = getComputedStyle(canvas)
  const read = (name) => style.getPropertyValue(name).trim()
  const inks = {
    ink: read('--ink'),
    muted: read('--muted'),
    line: read('--line'),
    accent: read('--accent'),
    bad: read('--bad'),
    card: read('--card'),
    font: style.fontFamily,
    hatch: hatchOf(read('--bad'), read('--card')),
  }
  known = { at: performance.now(), inks }
  return inks
}

/** @param {string} ink @param {string} ground */
function hatchOf(ink, ground) {
  const tile = new OffscreenCanvas(6, 6)
  const pen = /** @type {OffscreenCanvasRenderingContext2D} */ (tile.getContext('2d'))
  pen.fillStyle = ground
  pen.fillRect(0, 0, 6, 6)
  pen.strokeStyle = ink
  pen.lineWidth = 1.6
  pen.beginPath()
  for (const shift of [-6, 0, 6]) {
    pen.moveTo(shift, 6)
    pen.lineTo(shift + 6, 0)
  }
  pen.stroke()
  return pen.createPattern(tile, 'repeat')
}
