// A long list, of which only the rows in sight are there. All rows have one height.

import { html, useEffect, useRef, useState } from './html.js'

const BEYOND = 6

/**
 * @template T
 * @param {{ items: T[], rowHeight: number, label: string, row: (item: T, index: number) => any,
 *   keyOf: (item: T) => string, most?: number }} given `most`: the list's own height at most
 */
export function VirtualList({ items, rowHeight, label, row, keyOf, most = 640 }) {
  const box = useRef(/** @type {any} */ (null))
  const [top, setTop] = useState(0)
  const height = Math.min(most, Math.max(rowHeight, items.length * rowHeight))
  const first = Math.max(0, Math.floor(top / rowHeight) - BEYOND)
  const last = Math.min(items.length, Math.ceil((top + height) / rowHeight) + BEYOND)
  useEffect(() => {
    // A list that has become shorter is shown from where it ends.
    if (box.current && box.current.scrollTop !== top) setTop(box.current.scrollTop)
  })
  return html`<div
    class="virtual" ref=${box} role="list" aria-label=${`${label}, ${items.length}`} tabindex="0"
    style=${{ height: `${height}px` }}
    onScroll=${(event) => setTop(event.currentTarget.scrollTop)}
  >
    <div class="virtual-all" style=${{ height: `${items.length * rowHeight}px` }}>
      ${items.slice(first, last).map(
        (item, i) => html`<div
          key=${keyOf(item)} class="virtual-row" role="listitem"
          aria-posinset=${first + i + 1} aria-setsize=${items.length}
          style=${{ top: `${(first + i) * rowHeight}px`, height: `${rowHeight}px` }}
        >${row(item, first + i)}</div>`,
      )}
    </div>
  </div>`
}

/** Whether the window is narrow now. @param {number} [width] */
export function useNarrow(width = 720) {
  const [narrow, setNarrow] = useState(() => innerWidth < width)
  useEffect(() => {
    const look = () => setNarrow(innerWidth < width)
    addEventListener('resize', look)
    return () => removeEventListener('resize', look)
  }, [width])
  return narrow
}
