// The commands of `askfirst`, in the order of its help. A new one is a file and a line here.

import type { Command } from './command.ts'
import { bench } from './commands/bench.ts'
import { doctor } from './commands/doctor.ts'
import { events } from './commands/events.ts'
import { job, jobs } from './commands/job.ts'
import { drain, resume, slaves } from './commands/slaves.ts'
import { status } from './commands/status.ts'
import { submit } from './commands/submit.ts'
import { cancel, retry, task, tasks } from './commands/tasks.ts'
import { watch } from './commands/watch.ts'
import { why } from './commands/why.ts'

export const COMMANDS: Command[] = [
  submit,
  tasks,
  task,
  why,
  cancel,
  retry,
  job,
  jobs,
  slaves,
  drain,
  resume,
  status,
  watch,
  events,
  bench,
  doctor,
]

/** Programs of their own, which askfirst.mjs starts; for the help. */
export const PROGRAMS: [name: string, says: string][] = [
  ['master', 'starts a master; its settings: askfirst master --help'],
  ['slave', 'starts a slave; its settings: askfirst slave --help'],
]

/** Commands on a master's own data folder, which speak to no master (data-commands.ts). */
export const DATA_COMMANDS: [name: string, says: string][] = [
  ['init', 'make an authority and the first admin key, so that a master can face a network'],
  ['token', 'make, list and revoke the tokens that slaves join with'],
  ['key', 'make, list and revoke the keys of clients'],
  ['identity', 'list the slaves that have joined, and shut one out'],
]
