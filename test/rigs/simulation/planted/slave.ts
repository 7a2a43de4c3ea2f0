// Planted bugs on the slave's side: offers, memory of attempts, heartbeats, outbox.

import type { Bug } from './bug.ts'

const CORE = 'slave/core/core.ts'
const OUTBOX = 'slave/link/outbox.ts'

export const SLAVE: Bug[] = [
  {
    name: 'one-slot-more',
    says: 'takes one task more than it has slots',
    file: CORE,
    find: "if (running.size >= slots) return { answer: 'busy'",
    replace: "if (running.size > slots) return { answer: 'busy'",
  },
  {
    name: 'refused-not-remembered',
    says: 'may take an attempt that it refused before',
    file: CORE,
    find: 'return remember({ attempt, ...refusal })',
    replace: 'return { attempt, ...refusal }',
  },
  {
    name: 'revoked-not-remembered',
    says: 'may take an attempt that was called back before',
    file: CORE,
    find: "remember({ attempt, answer: 'revoked', reason: 'called back by the master' })",
    replace: '',
  },
  {
    name: 'ended-not-remembered',
    says: 'may run an attempt again whose outcome was acknowledged',
    file: CORE,
    find: "      remember({ attempt, answer: 'taken', reason: '' })\n",
    replace: '',
  },
  {
    name: 'running-taken-again',
    says: 'runs an attempt again that is offered twice',
    file: CORE,
    find: 'if (running.has(attempt) || ended.has(attempt)) return {',
    replace: 'if (ended.has(attempt)) return {',
  },
  {
    name: 'boot-not-checked',
    says: 'takes offers that were meant for an earlier boot',
    file: CORE,
    find: 'meant === boot ? offers.map(answer) : offers.map(refuseAsAnother)',
    replace: 'meant !== undefined ? offers.map(answer) : offers.map(refuseAsAnother)',
  },
  {
    name: 'generation-stands-still',
    says: 'does not grow its generation when it takes an attempt',
    file: CORE,
    find: "    generation++\n    running.set(attempt, { attempt, task, status: 'running' })\n",
    replace: "    running.set(attempt, { attempt, task, status: 'running' })\n",
    harmless: 'lists of the same generation lose nothing, older ones are not heard',
  },
  {
    name: 'revoked-runs-on',
    says: 'frees the slot of a revoked attempt but does not kill it',
    file: CORE,
    find: "        effects.push({ do: 'kill', attempt })\n",
    replace: '',
  },
  {
    name: 'revoke-in-heartbeat-ignored',
    says: 'does not read which attempts the reply to its heartbeat calls back',
    file: CORE,
    find: 'revoke(input.reply.revoke)\n',
    replace: '\n',
    harmless: 'what is not wanted runs to its end, and its outcome changes nothing',
  },
  {
    name: 'register-ignored',
    says: 'does not register again when it is told to',
    file: CORE,
    find: 'if (input.reply.register || isUnknown) return register()\n',
    replace: '\n',
    harmless: 'the master asks a slave that it does not know again who it is',
  },
  {
    name: 'register-once',
    says: 'does not try again when it could not register',
    file: CORE,
    find: 'dueAt = later(now, registerAgainMs * (1 + JITTER * settings.random.next()))',
    replace: '',
  },
  {
    name: 'beat-once',
    says: 'beats no more after a heartbeat that was not answered',
    file: CORE,
    find: 'return isUnknown ? register() : beatLater(now)',
    replace: 'return',
    shownBy: [123],
  },
  {
    name: 'outbox-not-listed',
    says: 'lists only what runs, not what waits in its outbox',
    file: CORE,
    find: '[...running.values(), ...ended.values()]',
    replace: '[...running.values()]',
  },
  {
    name: 'kept-not-listed',
    says: 'does not list what an earlier boot left in the outbox',
    file: CORE,
    find: "    ended.set(attempt, { attempt, task, status: 'ended' })\n",
    replace: "    if (task === '') ended.set(attempt, { attempt, task, status: 'ended' })\n",
  },
  {
    name: 'volatile-outbox',
    says: 'keeps no outcome on disk when the master does not answer',
    file: OUTBOX,
    find: '    queue.unshift(...callbacks)\n    keep(queue)\n',
    replace: '    queue.unshift(...callbacks)\n',
  },
  {
    name: 'failed-not-queued-again',
    says: 'does not repeat a callback that failed',
    file: OUTBOX,
    find: '    queue.unshift(...callbacks)\n    keep(queue)\n',
    replace: '    keep(queue)\n',
  },
  {
    name: 'silence-acknowledges',
    says: 'takes a callback that was not answered in time for acknowledged',
    file: OUTBOX,
    find: 'if (error) unanswered(callbacks, error.delivered)\n',
    replace: `if (error?.delivered) settled(callbacks, callbacks.map(({ attempt }) => attempt))
      else if (error) unanswered(callbacks, false)
`,
  },
  {
    name: 'acknowledged-list-ignored',
    says: 'takes all of a request for acknowledged when it is answered',
    file: OUTBOX,
    find: 'else settled(callbacks, reply?.acknowledged ?? [])',
    replace: 'else settled(callbacks, callbacks.map(({ attempt }) => attempt))',
    harmless: 'today the master acknowledges all of a request or does not answer it',
  },
  {
    name: 'acknowledged-stays-on-disk',
    says: 'sends acknowledged outcomes again after each start',
    file: OUTBOX,
    find: '      disk.drop([...dropped])\n',
    replace: '',
    harmless: 'repeats are welcome and change nothing',
  },
  {
    name: 'disk-dropped-too-early',
    says: 'drops from its disk what it reads at a start',
    file: OUTBOX,
    find: '      for (const { attempt } of kept) onDisk.add(attempt)\n',
    replace: `      for (const { attempt } of kept) onDisk.add(attempt)
      disk?.drop(kept.map(({ attempt }) => attempt))
`,
  },
]
