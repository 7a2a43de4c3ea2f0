// Requests that are held when the master stops: each is answered at once with how things stand.

import t from 'tap'
import type { Input } from '../../../master/core/messages.ts'
import type { Task } from '../../../master/core/state.ts'
import { createPendingRequests } from '../../../master/dispatch/pending-requests.ts'
import { createMemoryStore } from '../../../master/store/memory.ts'
import { createSimulatedClock } from '../../rigs/simulation/clock.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

t.test('whoever waits for the end of a task hears at once that the master stops', async (t) => {
  const posted: Input[] = []
  const live = new Map([['task-1', { id: 'task-1', accepted: true } as Task]])
  const clients = createPendingRequests({
    store: createMemoryStore(),
    clock: createSimulatedClock(),
    post: (input) => void posted.push(input),
    live,
    newId: () => 'task-2',
    add: () => {},
  })
  let woken = 0
  for (const waitMs of [1e9, Number.POSITIVE_INFINITY]) {
    void clients.wait('task-1', waitMs).then(() => woken++)
  }
  await turn()
  t.equal(woken, 0)
  clients.stopWaiting()
  await turn()
  t.equal(woken, 2)
})
