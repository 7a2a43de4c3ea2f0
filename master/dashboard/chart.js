// A chart over time, by uPlot, in the colours of the page.

import { html, useEffect, useRef } from './html.js'
import UPlot from './lib/uplot.js'

/**
 * @param {{ label: string, height?: number, data: any,
 *   series: { name: string, ink: string, dash?: number[], fill?: boolean }[] }} given
 *   `data`: a list of seconds since 1970, then one for each series; `ink`: the name of a colour of the page
 */
export function Chart({ label, series, data, height = 190 }) {
  const box = useRef(/** @type {any} */ (null))
  const chart = useRef(/** @type {any} */ (null))
  useEffect(() => {
    const dark = matchMedia('(prefers-color-scheme: dark)')
    const make = () => {
      chart.current?.destroy()
      chart.current = new UPlot(optionsOf(box.current, series, height), data, box.current)
    }
    const fit = new ResizeObserver(
      () => box.current && chart.current?.setSize({ width: box.current.clientWidth, height }),
    )
    make()
    fit.observe(box.current)
    dark.addEventListener('change', make)
    return () => {
      fit.disconnect()
      dark.removeEventListener('change', make)
      chart.current?.destroy()
    }
  }, [])
  useEffect(() => chart.current?.setData(data), [data])
  return html`<figure class="chart"><figcaption>${label}</figcaption><div ref=${box} /></figure>`
}

/** @param {HTMLElement} box @param {any[]} series @param {number} height @returns {any} */
function optionsOf(box, series, height) {
  const style = getComputedStyle(box)
  const ink = (name) => style.getPropertyValue(`--${name}`).trim()
  const axis = {
    stroke: ink('muted'),
    font: `12px ${style.fontFamily}`,
    grid: { stroke: ink('line'), width: 1 },
    ticks: { show: false },
  }
  return {
    width: box.clientWidth,
    height,
    cursor: { y: false },
    legend: { live: true },
    axes: [
      {
        ...axis,
        values: (_, all) => all.map((at) => new Date(at * 1_000).toTimeString().slice(0, 8)),
        space: 80,
      },
      { ...axis, size: 44 },
    ],
    scales: {
      y: { range: (_, low, high) => [Math.min(0, low ?? 0), Math.max(1, (high ?? 1) * 1.08)] },
    },
    series: [
      {
        label: 'time',
        value: (_, at) => (at === null ? '–' : new Date(at * 1_000).toTimeString().slice(0, 8)),
      },
      ...series.map(({ name, ink: stroke, dash, fill }) => ({
        label: name,
        stroke: ink(stroke),
        width: 1.75,
        ...(dash ? { dash } : {}),
        ...(fill ? { fill: `color-mix(in srgb, ${ink(stroke)} 16%, transparent)` } : {}),
        points: { show: false },
      })),
    ],
  }
}
