// Why a slave that is not draining takes no tasks: what is wrong with its own machine.

import type { SlaveCore } from '../core/core.ts'
import type { Take } from './turns.ts'

export function createHindrances({ core, take }: { core: Pick<SlaveCore, 'state'>; take: Take }) {
  const reasons = new Map<'executors' | 'outbox' | 'folder', string>()

  return {
    /** Notes a reason, for people; null: it is over. The slave gives the oldest one that still holds. */
    set(what: 'executors' | 'outbox' | 'folder', reason: string | null): void {
      if (reason === null) reasons.delete(what)
      else reasons.set(what, reason)
      if (core.state().mode === 'draining') return
      const [first] = reasons.values()
      if (first === undefined) take({ is: 'mode', mode: 'accepting', reason: '' })
      else take({ is: 'mode', mode: 'unwilling', reason: first })
    },
  }
}
