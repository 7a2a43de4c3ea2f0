// Planted bugs in what befalls an attempt: outcomes, losses, tries, calling back.

import type { Bug } from './bug.ts'

export const HOLDING_BUGS: Bug[] = [
  {
    name: 'old-failure-decides',
    says: 'lets the failure of an earlier attempt count',
    in: 'settle',
    find: "const counts = current || outcome.status === 'done'",
    replace: 'const counts = true',
  },
  {
    name: 'old-success-ignored',
    says: 'ignores the success of an earlier attempt',
    in: 'settle',
    find: "const counts = current || outcome.status === 'done'",
    replace: 'const counts = current',
  },
  {
    name: 'forged-counts',
    says: 'takes outcomes of attempts that were never made',
    in: 'settle',
    find: 'if (task && !current && !core.ids.made(attempt, id, name)) {',
    replace: 'if (task && id === "") {',
  },
  {
    name: 'forged-is-adopted',
    says: 'adopts attempts that were never made',
    in: 'wants',
    find: '(isCurrent(task, attempt, slave.name) || core.ids.made(attempt, task.id, slave.name))',
    replace: "attempt !== ''",
  },
  {
    name: 'not-adopted',
    says: 'does not take note of an attempt that a slave is found to have',
    in: 'compare',
    find: 'else if (task && wants(core, task, slave, attempt)) {',
    replace: 'else if (task && !task.accepted && wants(core, task, slave, attempt)) {',
    shownBy: [2012],
  },
  {
    name: 'second-outcome',
    says: 'takes a second outcome of an ended task',
    in: 'attempts.end',
    find: '  dropTask(core, task)\n',
    replace:
      "  if (status !== 'done' || by === undefined || task.tries < 2) dropTask(core, task)\n",
  },
  {
    name: 'cancelled-may-end-again',
    says: 'takes the outcome of a task that was cancelled while it ran',
    in: 'attempts.end',
    find: '  dropTask(core, task)\n',
    replace: `  if (status === 'cancelled' && stage.is === 'running') task.stage = { ...stage }
  else dropTask(core, task)
`,
  },
  {
    name: 'tries-not-counted',
    says: 'a poison task never stops',
    in: 'hold',
    find: 'task.tries++',
    replace: 'task.tries += 0',
  },
  {
    name: 'one-try-only',
    says: 'gives up after the first lost attempt',
    in: 'fail',
    find: 'if (task.tries >= attemptsMaxOf(core, task)) {',
    replace: 'if (task.tries >= 1) {',
  },
  {
    name: 'early-outcome-no-try',
    says: 'does not count a try whose outcome came before the answer to its offer',
    in: 'settle',
    find: "if (task && slave && counts && task.stage.is !== 'running') {",
    replace: "if (task && slave && counts && task.stage.is === 'waiting') {",
  },
  {
    name: 'no-wait-limit-after-loss',
    says: 'keeps the first wait limit after a lost attempt',
    in: 'fail',
    find: '  waitFor(task, core.settings.waitLimitMs, now, core.wall)\n  const until',
    replace: '  const until',
  },
  {
    name: 'loss-not-saved',
    says: 'does not save that an attempt was lost',
    in: 'fail',
    find: "  rest(core, task, until)\n  core.effects.push({ do: 'save', task })\n",
    replace: '  rest(core, task, until)\n',
  },
  {
    name: 'taken-not-saved',
    says: 'does not save which slave has a task',
    in: 'hold',
    find: `core.effects.push({ do: 'save', task })
  accept(core, task)
}`,
    replace: `if (!task.accepted) core.effects.push({ do: 'save', task })
  accept(core, task)
}`,
    harmless: 'after a start the slave lists the attempt, and it is adopted',
  },
  {
    name: 'crash-is-final',
    says: 'does not repeat a task whose slave was lost',
    in: 'RETRIED',
    find: "  'time-limit',\n  'slave-lost',\n  'outcome-lost',\n  'program-missing',\n  'exit-code',\n]",
    replace: "  'time-limit',\n]",
    harmless: 'only outcomes are looked up there, and no slave says slave-lost of itself',
  },
  {
    name: 'no-revoke',
    says: 'never calls an attempt back but in replies to heartbeats',
    in: 'revoke',
    find: '    channelTo(slave, (known && routeTo(known)) ?? route).revoke(attempts)\n',
    replace: '',
    harmless: 'heartbeats call back what runs; a doubt runs out and is answered slave-silent',
  },
  {
    name: 'revoke-before-the-end-is-saved',
    says: 'calls an attempt back before the end that is the reason for it is durable',
    in: 'perform',
    find: "case 'revoke-now':",
    replace: "case 'revoke':\n      case 'revoke-now':",
    harmless: 'a cancelled task may run again after a crash: some two worlds in 70,000 show it',
  },
  {
    name: 'end-leaves-others-running',
    says: 'does not call back the current attempt when another one ends the task',
    in: 'end',
    find: `if (stage.is === 'running' && stage.slave.held.delete(stage.attempt)) {
    unwanted = (unwanted ?? new Map()).set(stage.attempt, stage.slave)
  }
`,
    replace: "if (stage.is === 'running') stage.slave.held.delete(stage.attempt)\n",
    harmless: 'the reply to the next heartbeat calls it back',
  },
  {
    name: 'unwanted-not-revoked',
    says: 'does not call back what a heartbeat lists and nobody wants',
    in: 'compare',
    find: "} else if (status !== 'ended' && (!task || task.stage.is === 'running')) unwanted.push(attempt)",
    replace: '} else if (status === undefined) unwanted.push(attempt)',
    harmless: 'it runs to its end, and its outcome changes nothing',
  },
  {
    name: 'waiting-is-unwanted',
    says: 'calls back what a slave is found to have of a task that waits',
    in: 'compare',
    find: "(!task || task.stage.is === 'running')) unwanted.push(attempt)",
    replace: 'true) unwanted.push(attempt)',
    harmless: 'it can be reached only by attempts that were not made here',
  },
  {
    name: 'generation-ignored-in-lists',
    says: 'loses an attempt by a list that is older than the attempt',
    in: 'compare',
    find: 'if (held.generation < generation && !listed.has(held.attempt)) {',
    replace: 'if (!listed.has(held.attempt)) {',
    shownBy: [252],
  },
  {
    name: 'unlisted-not-lost',
    says: 'does not lose an attempt that its slave does not list',
    in: 'compare',
    find: 'if (held.generation < generation && !listed.has(held.attempt)) {',
    replace: 'if (held.generation === generation + 1 && !listed.has(held.attempt)) {',
    harmless: 'the lease of the attempt is not renewed and runs out: time',
  },
  {
    name: 'listed-not-confirmed',
    says: 'does not renew the lease of an attempt that is listed',
    in: 'compare',
    find: '    if (held) confirmOne(held, status, now)\n    else',
    replace: '    if (held) held.confirmedAt += 0\n    else',
  },
]
