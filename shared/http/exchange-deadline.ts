// One deadline for a whole exchange whose length is not known beforehand: a file, a long answer. It
// has `timeoutMs`, and more for each byte that moves in either direction. So a peer that stalls, or
// sends a byte now and then to keep the connection, is given up, and a large file over a slow but
// honest link is not. Time in which our own side reads no further does not count.
//
// An interceptor for undici: `pool.compose(paced({ timeoutMs }))`.

import type { Dispatcher } from 'undici'
import { PeerError } from './peer.ts'

/** The slowest link that is waited for, in bytes per millisecond (32 KB/s). */
const BYTES_PER_MS_MIN = 32
/** Of an answer that is not a success no more than this is read, in bytes. */
const REFUSAL_BYTES_MAX = 1024 * 1024

export function paced(given: { timeoutMs: number; bytesMax?: number }) {
  return (dispatch: Dispatcher['dispatch']): Dispatcher['dispatch'] =>
    (options, handler) =>
      dispatch(options, watch(handler, given))
}

function watch(
  handler: Dispatcher.DispatchHandler,
  { timeoutMs, bytesMax = Number.POSITIVE_INFINITY }: { timeoutMs: number; bytesMax?: number },
): Dispatcher.DispatchHandler {
  const begunAt = performance.now()
  let timer = setTimeout(look, timeoutMs)
  let sending: Dispatcher.DispatchController | undefined
  let status = 0
  let received = 0
  let moved = 0
  /** Time that our own side took, and since when it takes more. */
  let ownMs = 0
  let pausedAt: number | null = null
  let over: Error | undefined

  return {
    onRequestStart(controller, context) {
      if (over) return controller.abort(over)
      sending = controller
      handler.onRequestStart?.(controller, context)
    },
    onRequestUpgrade: (...all) => handler.onRequestUpgrade?.(...all),
    onBodySent(chunk) {
      moved += chunk.length
      handler.onBodySent?.(chunk)
    },
    onRequestSent: () => handler.onRequestSent?.(),
    onResponseStarted: () => handler.onResponseStarted?.(),
    onResponseStart(controller, statusCode, ...more) {
      status = statusCode
      handler.onResponseStart?.(controller, statusCode, ...more)
    },
    onResponseData(controller, chunk) {
      countPause()
      received += chunk.length
      moved += chunk.length
      const most = status >= 300 ? Math.min(bytesMax, REFUSAL_BYTES_MAX) : bytesMax
      if (received > most) return giveUp(`answered ${status} with more than ${most} bytes`)
      handler.onResponseData?.(controller, chunk)
      if (controller.paused) pausedAt = performance.now()
    },
    onResponseEnd(...all) {
      clearTimeout(timer)
      handler.onResponseEnd?.(...all)
    },
    onResponseError(controller, error) {
      clearTimeout(timer)
      handler.onResponseError?.(controller, over ?? error)
    },
  }

  function countPause(): void {
    if (pausedAt !== null) ownMs += performance.now() - pausedAt
    pausedAt = null
  }

  function look(): void {
    const isPaused = sending?.paused === true
    countPause()
    if (isPaused) pausedAt = performance.now()
    const leftMs = begunAt + ownMs + timeoutMs + moved / BYTES_PER_MS_MIN - performance.now()
    if (leftMs > 0 || isPaused) {
      timer = setTimeout(look, Math.max(leftMs, isPaused ? timeoutMs : 1))
    } else if (!sending) giveUp('connection timeout')
    else if (status === 0) giveUp('response timeout')
    else giveUp(`the transfer is too slow: ${moved} bytes in ${Math.round(spentMs())} ms`)
  }

  function spentMs(): number {
    return performance.now() - begunAt - ownMs
  }

  function giveUp(words: string): void {
    clearTimeout(timer)
    over = new PeerError(words, sending !== undefined)
    if (sending) return sending.abort(over)
    // Not sent yet: its caller hears now, and it is dropped when its turn comes.
    const { onResponseError } = handler
    onResponseError?.call(handler, NOT_SENT, over)
    handler = {}
  }
}

/** In place of the controller of a request that was never sent. */
const NOT_SENT: Dispatcher.DispatchController = {
  aborted: true,
  paused: false,
  reason: null,
  abort: () => {},
  pause: () => {},
  resume: () => {},
}
