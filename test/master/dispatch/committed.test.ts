// When an effect may be performed is part of its type. These cases are checked by the compiler: an
// expectation of an error that does not occur is an error itself.

import { globSync, readFileSync } from 'node:fs'
import t from 'tap'
import type { AfterCommit, Immediate } from '../../../master/core/messages.ts'
import type { createPendingRequests } from '../../../master/dispatch/pending-requests.ts'

type PendingRequests = ReturnType<typeof createPendingRequests>

/** Is never called. */
export function telling(effect: AfterCommit, clients: PendingRequests): void {
  // @ts-expect-error: an effect that waits for the commit is not performed at once
  const immediate: Immediate = effect
  switch (effect.do) {
    case 'accept':
      // @ts-expect-error: a client is told of its task when that is saved
      return clients.accept(effect.task)
    case 'end':
      // @ts-expect-error: an outcome is told when it is saved
      return clients.end(effect.task)
    case 'acknowledge':
      // @ts-expect-error: a callback is acknowledged when its outcomes are saved
      return effect.token.resolve(effect.reply)
    case 'revoke-by-heartbeat':
      // @ts-expect-error: an attempt is revoked when the end that is the reason is saved
      return effect.token.resolve(effect.reply)
    case 'answer-problem':
      // @ts-expect-error: a problem is told when what it follows from is saved
      return effect.token.reject(immediate)
    default:
  }
}

t.test('only the group commit makes a proof that a commit has ended', async (t) => {
  const makesOne = (file: string): boolean => readFileSync(file, 'utf8').includes('new Committed(')
  t.same(globSync('{master,shared}/**/*.ts').filter(makesOne), ['master/dispatch/group-commit.ts'])
})
