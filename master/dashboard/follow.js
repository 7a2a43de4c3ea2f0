// Something that goes on, read again and again until it has ended.

import { useEffect, useState } from './html.js'

/** From one reading to the next, at least: a master may not hold requests. In milliseconds. */
const REST_MS = 500

/**
 * What was read last, laid over `nothing`; or `nothing` and the error that reading ended with.
 * @param {string | null} id of what is followed; null: nothing is
 * @param {object} nothing what stands before the first is read
 * @param {(id: string, signal: AbortSignal, isFirst: boolean) => Promise<[shown: object, isOver: boolean]>} read
 * @returns {any}
 */
export function useFollowed(id, nothing, read) {
  const [state, setState] = useState(/** @type {any} */ ({ ...nothing, error: null }))
  useEffect(() => {
    if (id === null) return
    const stop = new AbortController()
    void follow(stop.signal)
    return () => stop.abort()

    /** @param {AbortSignal} signal */
    async function follow(signal) {
      try {
        for (let isFirst = true; !signal.aborted; isFirst = false) {
          const rest = new Promise((resolve) => setTimeout(resolve, REST_MS))
          const [shown, isOver] = await read(/** @type {string} */ (id), signal, isFirst)
          setState({ ...shown, error: null })
          if (isOver) return
          if (!isFirst) await rest
        }
      } catch (error) {
        if (!signal.aborted) setState({ ...nothing, error })
      }
    }
  }, [id])
  return state
}
