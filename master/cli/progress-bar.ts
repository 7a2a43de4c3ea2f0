// The bar that commands show on standard error, where that is a terminal.

import type { Options } from 'cli-progress'
import { SingleBar } from 'cli-progress'

/** Starts a bar. `total`: null when it is not known. `fields`: what `format` shows besides. */
export function startBar(
  stream: NodeJS.WriteStream,
  format: string,
  total: number | null,
  fields: Record<string, number>,
  more: Options = {},
): SingleBar {
  const usual = { hideCursor: true, fps: 5, barsize: 24, etaBuffer: 200 }
  const bar = new SingleBar({ format, stream, ...usual, ...more })
  bar.start(total ?? 0, 0, fields)
  return bar
}
