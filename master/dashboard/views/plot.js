// A small chart of lines and dots, as SVG: for figures that do not run with time.

import { html } from '../html.js'

const [WIDTH, HEIGHT] = [320, 200]
const EDGE = { left: 38, right: 8, top: 10, bottom: 26 }

/**
 * @param {{ label: string, x: string, lines: { name: string, style: string, points: number[][] }[],
 *   dots: number[][], dotName: string, square?: boolean }} given
 */
export function Plot({ label, x, lines, dots, dotName }) {
  const all = [...lines.flatMap(({ points }) => points), ...dots]
  if (all.length === 0) return null
  const [x0, x1] = spread(all.map(([a]) => a ?? 0))
  const [, y1] = spread([...all.map(([, b]) => b ?? 0), 0])
  const y0 = Math.min(0, ...all.map(([, b]) => b ?? 0))
  const across = (a) => EDGE.left + ((a - x0) / (x1 - x0)) * (WIDTH - EDGE.left - EDGE.right)
  const up = (b) =>
    HEIGHT - EDGE.bottom - ((b - y0) / (y1 - y0)) * (HEIGHT - EDGE.top - EDGE.bottom)
  const path = (points) =>
    points
      .map(([a, b], i) => `${i === 0 ? 'M' : 'L'}${across(a).toFixed(1)} ${up(b).toFixed(1)}`)
      .join('')
  return html`<figure class="plot"><svg viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label=${`${label} over ${x}`}>
      ${ticksOf(y0, y1).map(
        (
          b,
        ) => html`<g><line class="rule" x1=${EDGE.left} x2=${WIDTH - EDGE.right} y1=${up(b)} y2=${up(b)} />
          <text x=${EDGE.left - 6} y=${up(b) + 4} text-anchor="end">${short(b)}</text></g>`,
      )}
      ${ticksOf(x0, x1).map((a) => html`<text x=${across(a)} y=${HEIGHT - 8} text-anchor="middle">${short(a)}</text>`)}
      ${lines.map(({ style, points }) => html`<path class=${`curve ${style}`} d=${path(points)} />`)}
      ${dots.map(([a, b]) => html`<circle class="dot" cx=${across(a)} cy=${up(b)} r="4" />`)}
    </svg><figcaption>${label} over ${x}. <span class="muted">Dots: ${dotName}${lines.map(({ name, style }) => `; ${style}: ${name}`)}.</span></figcaption></figure>`
}

/** @param {number[]} values @returns {[number, number]} */
function spread(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)]
  return high > low ? [low, high] : [low, low + 1]
}

/** @param {number} low @param {number} high */
function ticksOf(low, high) {
  const rough = (high - low) / 4
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough) ?? power
  const ticks = []
  for (let at = Math.ceil(low / step) * step; at <= high + step / 1e6; at += step) ticks.push(at)
  return ticks
}

/** @param {number} n */
const short = (n) => String(Number(n.toPrecision(3)))
