// What a slave keeps of its outcomes when it must go.

import t from 'tap'
import { createLog } from '../../shared/log.ts'
import { createRandom } from '../../shared/random.ts'
import type { Callback, CallbacksRequest } from '../../shared/wire.ts'
import type { Link } from '../../slave/link.ts'
import { createOutbox } from '../../slave/outbox.ts'
import { createSimulatedClock } from '../simulation/clock.ts'

const callback = (attempt: string): Callback => ({
  attempt,
  task: `task of ${attempt}`,
  outcome: { status: 'done', result: 1 },
  ranMs: 1,
})

t.test('what is on its way to a master that does not answer is kept too', async (t) => {
  const clock = createSimulatedClock()
  const asked: string[][] = []
  const kept: string[] = []
  const outbox = createOutbox({
    link: {
      callBack: (request: CallbacksRequest) =>
        void asked.push(request.callbacks.map(({ attempt }) => attempt)),
    } as unknown as Link,
    clock,
    random: createRandom(1),
    disk: {
      kept: () => [],
      keep: (callbacks) => void kept.push(...callbacks.map(({ attempt }) => attempt)),
      drop: () => {},
      close: () => {},
    },
    state: () => ({}) as never,
    onAcknowledged: () => {},
    log: await createLog('test', 'silent'),
  })
  for (const attempt of ['a', 'b', 'c', 'd']) {
    outbox.add([callback(attempt)])
    await clock.run({ until: clock.now() + 1 })
  }
  t.same(asked, [['a'], ['b'], ['c']], 'no more requests at a time')
  outbox.keepAll()
  outbox.close()
  t.same(kept.toSorted(), ['a', 'b', 'c', 'd'])
})
