// The bar of a run on standard error, where that is a terminal.

import { SingleBar } from 'cli-progress'
import type { Output } from '../output.ts'
import type { Seen } from './run-inputs.ts'

export function createBar({ progressTo, clearProgress }: Output, total: number | null) {
  if (!progressTo.isTTY) return { update(_: Seen & { running: number }) {}, clear() {}, stop() {} }
  const shown =
    total === null
      ? '{value} inputs | {running} under way | {failed} failed'
      : '{bar} {percentage}% | {value} of {total} inputs | {running} under way | {failed} failed | {eta_formatted} left'
  const bar = new SingleBar({
    format: shown,
    stream: progressTo,
    hideCursor: true,
    fps: 5,
    barsize: 24,
    etaBuffer: 200,
    // What a program printed may stand where the bar was.
    forceRedraw: true,
    // The command listens for signals itself.
    gracefulExit: false,
  })
  bar.start(total ?? 0, 0, { running: 0, failed: 0 })
  return {
    update({ succeeded, failed, running }: Seen & { running: number }): void {
      bar.update(succeeded + failed, { running, failed })
    },
    clear: clearProgress,
    stop: (): void => bar.stop(),
  }
}
