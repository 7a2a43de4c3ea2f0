// Planted bugs in asking: offers, silence, doubt, refusals, waiting lines.

import type { Bug } from './bug.ts'

export const ASKING_BUGS: Bug[] = [
  {
    name: 'attempt-reused',
    says: 'gives a second offer of a task to the same slave the name of the first',
    in: 'offer',
    find: 'const attempt = core.ids.make(task.id, slave.name)',
    replace: `const names = ((task as any).names ??= new Map())
  const attempt = names.get(slave.name) ?? core.ids.make(task.id, slave.name)
  names.set(slave.name, attempt)`,
  },
  {
    name: 'silence-is-refusal',
    says: 'takes an offer that was not answered for one that was refused',
    in: 'takeSilence',
    find: "if (how === 'silent') (task.unsure ??= new Map()).set(attempt, slave)",
    replace: '',
  },
  {
    name: 'trouble-never-rests',
    says: 'offers to a slave at once again, however often its answers cannot be used',
    in: 'noteTrouble',
    find: 'const ms = count > free ? Math.min(restMsMax, restMs * 2 ** (count - free - 1)) : 0',
    replace: 'const ms = 0',
  },
  {
    name: 'doubt-refused-at-once',
    says: 'refuses a task that a silent slave may have, without asking that slave',
    in: 'seek',
    find: 'if (task.unsure) return doubt(core, task, now)\n  refuse(core, task, now)\n',
    replace: 'refuse(core, task, now)\n',
  },
  {
    name: 'doubt-settled-by-one',
    says: 'refuses when one of several silent slaves has called the task back',
    in: 'takeRevoked',
    find: 'if (task.unsure.size > 0) continue\n',
    replace: '',
    shownBy: [15_274],
  },
  {
    name: 'doubt-never-due',
    says: 'waits for ever for the word of a slave that may have the task',
    in: 'doubt',
    find: 'due(core, task, later(now, 2 * core.settings.askTimeoutMs))',
    replace: '',
  },
  {
    name: 'doubts-not-settled',
    says: 'does not call back what a slave that was asked does not have',
    in: 'takeVisit',
    find: 'settleDoubts(core, slave)\n',
    replace: '\n',
    harmless: 'the doubt runs out; the client hears slave-silent, which it repeats',
  },
  {
    name: 'silent-not-asked',
    says: 'does not ask a slave that left an offer unanswered what it holds',
    in: 'takeSilence',
    find: `core.registry.setStanding(slave, 'suspect')
    visit(core, slave, now)
  }
`,
    replace: "core.registry.setStanding(slave, 'suspect')\n  }\n",
    harmless: 'its next heartbeat says the same a little later',
  },
  {
    name: 'late-answer-revives',
    says: 'starts a task again that was cancelled while it was offered',
    in: 'hold',
    find: "if (task.stage.is === 'running' || hasEnded(task)) return revoke(core, slave, [attempt])",
    replace: "if (task.stage.is === 'running') return revoke(core, slave, [attempt])",
  },
  {
    name: 'second-taker-not-revoked',
    says: 'does not call back an attempt that was taken while another runs',
    in: 'hold',
    find: "if (task.stage.is === 'running' || hasEnded(task)) return revoke(core, slave, [attempt])",
    replace: "if (task.stage.is === 'running' || hasEnded(task)) return",
    harmless: 'the reply to the next heartbeat calls it back',
  },
  {
    name: 'second-taker-wins',
    says: 'lets a second slave take a task that runs',
    in: 'hold',
    find: "if (task.stage.is === 'running' || hasEnded(task)) return revoke(core, slave, [attempt])",
    replace: 'if (hasEnded(task)) return revoke(core, slave, [attempt])',
  },
  {
    name: 'offers-not-counted',
    says: 'does not count offers on their way against free slots',
    in: 'roomOf',
    find: "slave.mode === 'accepting' ? slave.free - slave.offers.size : 0",
    replace: "slave.mode === 'accepting' ? slave.free : 0",
    harmless: 'the slave refuses what it has no slot for: more asks',
  },
  {
    name: 'suspects-are-asked',
    says: 'offers work to slaves that are silent',
    in: 'refresh',
    find: 'const open = isOurs && !slave.drained',
    replace: 'const open = !isElsewhere(slave) && !slave.drained',
    harmless: 'they do not answer, and the next one is asked: time',
  },
  {
    name: 'drained-are-asked',
    says: 'offers work to slaves that an operator has drained',
    in: 'refresh',
    find: 'const open = isOurs && !slave.drained',
    replace: 'const open = isOurs',
  },
  {
    name: 'not-saved-runs-on',
    says: 'does not call back the attempt of a task that could not be saved',
    in: 'takeBack',
    find: "    revoke(core, stage.slave, [stage.attempt], 'revoke-now')\n",
    replace: '',
    harmless: 'the reply to the next heartbeat calls it back',
  },
  {
    name: 'taken-stays-in-line',
    says: 'leaves a task in the waiting line when a slave is found to have it',
    in: 'hold',
    find: 'task.unsure?.delete(attempt)\n  leaveLine(core, task)\n',
    replace: 'task.unsure?.delete(attempt)\n',
  },
  {
    name: 'rest-without-end',
    says: 'a task that rests after a lost attempt is never due',
    in: 'rest',
    find: 'due(core, task, waitUntil !== null && waitUntil < until ? waitUntil : until)',
    replace: '',
  },
  {
    name: 'wait-limit-forgotten',
    says: 'a waiting task has no deadline',
    in: 'enterLine',
    find: 'if (task.waitUntil !== null) due(core, task, task.waitUntil)',
    replace: '',
  },
]
