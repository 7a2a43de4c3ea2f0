// The bar of a run on standard error, where that is a terminal.

import type { Output } from '../output.ts'
import { startBar } from '../progress-bar.ts'
import type { Seen } from './run-inputs.ts'

export function createBar({ progressTo, clearProgress }: Output, total: number | null) {
  if (!progressTo.isTTY) return { update(_: Seen & { running: number }) {}, clear() {}, stop() {} }
  const shown =
    total === null
      ? '{value} inputs | {running} under way | {failed} failed'
      : '{bar} {percentage}% | {value} of {total} inputs | {running} under way | {failed} failed | {eta_formatted} left'
  const fields = { running: 0, failed: 0 }
  const bar = startBar(progressTo, shown, total, fields, {
    // What a program printed may stand where the bar was.
    forceRedraw: true,
    // The command listens for signals itself.
    gracefulExit: false,
  })
  return {
    update({ succeeded, failed, running }: Seen & { running: number }): void {
      bar.update(succeeded + failed, { running, failed })
    },
    clear: clearProgress,
    stop: (): void => bar.stop(),
  }
}
