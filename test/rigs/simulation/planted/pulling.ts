// Planted bugs in what is particular to slaves that pull: polls, what answers them, simple slaves.

import type { Bug } from './bug.ts'

const PULLING = 'master/core/polling.ts'
const POLLS = 'master/dispatch/poll-channel.ts'
const REGISTRY = 'master/core/registry.ts'
const SLAVE = 'slave/core/core.ts'

export const PULLING_BUGS: Bug[] = [
  {
    name: 'pull-hung-up-keeps-offers',
    says: 'forgets what it had collected for a slave that hung up or did not poll again',
    file: POLLS,
    find: '      undelivered(lane.offers.splice(0), reason)\n',
    replace: '      lane.offers.splice(0)\n',
  },
  {
    name: 'pull-late-offer-dropped',
    says: 'forgets an offer whose input was read when its lane was closed',
    file: POLLS,
    find: 'if (offer && its.closed !== null) return undelivered([offer], its.closed)',
    replace: 'if (offer && its.closed !== null) return',
  },
  {
    name: 'pull-lane-not-passed-on',
    says: 'does not give the next poll what was collected between the polls',
    file: POLLS,
    find: 'if (left?.closed === null) lane = Object.assign(left, { poll })',
    replace: '',
  },
  {
    name: 'pull-shut-lane-passed-on',
    says: 'gives the next poll a lane that was shut in the same turn, and so shuts it for good',
    file: POLLS,
    find: 'if (left?.closed === null) lane',
    replace: 'if (left) lane',
  },
  {
    name: 'pull-drained-is-handed',
    says: 'hands over to a drained slave what waited for its next poll',
    file: 'master/core/core.ts',
    find: '  if (drained) closePoll(core, slave)\n',
    replace: '',
  },
  {
    name: 'pull-overtaken-list',
    says: 'takes no notice of a list that a poll overtook, not even of what it says is there',
    file: 'master/core/liveness.ts',
    find: '    confirm(slave, attempts, now)\n  }\n  const about',
    replace: '  }\n  const about',
    harmless: 'its lease may run out, and the task is done again',
  },
  {
    name: 'pull-judged-on-its-way',
    says: 'takes an attempt for lost that a list lacks while its poll may still bring it',
    file: REGISTRY,
    find: '      uncounted++\n      continue\n',
    replace: '      uncounted++\n',
  },
  {
    name: 'pull-never-judged',
    says: 'never takes an attempt for lost that its poll did not bring',
    file: REGISTRY,
    find: '    if (held) held.generation = Math.min(held.generation, generation - 1)\n',
    replace: '',
    harmless: 'its lease runs out, which takes longer',
  },
  {
    name: 'pull-missed-is-stuck',
    says: 'does not offer a task again whose answer to a poll was lost',
    file: 'master/core/attempts.ts',
    find: '  waitFor(task, core.settings.waitLimitMs, now, core.wall)\n  enterLine(core, task, now)\n',
    replace: '  waitFor(task, core.settings.waitLimitMs, now, core.wall)\n',
  },
  {
    name: 'pull-missed-forever',
    says: 'offers a task again however often it was lost on its way',
    file: 'master/core/attempts.ts',
    find: 'if (held.onItsWay && held.task.misses < core.settings.attemptsMax)',
    replace: 'if (held.onItsWay)',
    harmless: 'no answer is lost that often there; the test of the core has one that is',
  },
  {
    name: 'pull-handed-not-taken',
    says: 'does not take note that what it handed over is taken',
    file: PULLING,
    find: '    hold(core, offer.task, slave, offer.attempt, NOT_ARRIVED, now, now - offer.at)\n',
    replace: '',
  },
  {
    name: 'pull-beyond-slots',
    says: 'a slave runs whatever its poll brings',
    file: SLAVE,
    find: 'if (!isKnown && kinds.has(kind) && running.size < slots) begin(attempt, task)',
    replace: 'if (!isKnown && kinds.has(kind)) begin(attempt, task)',
    harmless: 'a master hands over no more than the slave has free slots',
  },
  {
    name: 'pull-polls-before-it-is-known',
    says: 'a slave that the master does not know polls on, and does not register',
    file: SLAVE,
    find: 'if (input.unknown && dueAt !== NEVER) return register()',
    replace: '',
    harmless: 'its next heartbeat is answered that it must register',
  },
  {
    name: 'pull-simple-has-a-lease',
    says: 'takes the task of a simple slave for lost because that does not beat',
    file: 'master/core/liveness.ts',
    find: '  for (const held of slave.held.values()) held.confirmedAt = now\n',
    replace: '',
  },
  {
    name: 'pull-simple-never-lost',
    says: 'believes that a simple slave has its task for ever',
    file: 'master/core/liveness.ts',
    find: '  for (const held of slave.held.values()) held.confirmedAt = now\n',
    replace: '  for (const held of slave.held.values()) held.confirmedAt = held.since = now\n',
  },
]
