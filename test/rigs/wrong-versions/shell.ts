// Wrong versions of the shell around the core: what is saved, and who is told when.

import type { WrongVersion } from './wrong-version.ts'

export const SHELL: WrongVersion[] = [
  {
    name: 'full-disk-tried-once',
    says: 'tries what a full disk refused once only',
    in: 'noRoom',
    find: '    clock.at(later(clock.now(), FULL_RETRY_MS), () => commit(rest))',
    replace: '    if (!wasFull) clock.at(later(clock.now(), FULL_RETRY_MS), () => commit(rest))',
    caughtBy: 'test/master/dispatch/group-commit.test.ts',
  },
  {
    name: 'told-before-saved',
    says: 'says what a batch promises before its commit',
    in: 'commit',
    find: '    committing = true\n    const began',
    replace: '    given.release(batch.after.splice(0))\n    committing = true\n    const began',
    caughtBy: 'test/master/dispatch/group-commit.test.ts',
  },
  {
    name: 'refused-is-promised',
    says: 'tells the client of a task that found no room that it is accepted',
    in: 'noRoom',
    find: "batch.after.filter((effect) => !('task' in effect && gone.has(effect.task)))",
    replace: 'batch.after',
    caughtBy: 'test/master/dispatch/group-commit.test.ts',
  },
  {
    name: 'two-commits-at-once',
    says: 'begins a commit while another is under way',
    in: 'flush',
    find: 'if (committing || broken) return\n    const batch',
    replace: 'if (broken) return\n    const batch',
    caughtBy: 'test/master/dispatch/group-commit.test.ts',
  },
  {
    name: 'goes-on-when-broken',
    says: 'goes on saving after an error of the disk',
    in: 'commit',
    find: '      broken = true\n',
    replace: '',
    caughtBy: 'test/master/dispatch/group-commit.test.ts',
  },
  {
    name: 'settled-too-early',
    says: 'says that all is saved while a commit is under way',
    in: 'isIdle',
    find: 'return !committing && gathering.tasks.size',
    replace: 'return gathering.tasks.size',
    caughtBy: 'test/master/dispatch/group-commit.test.ts',
  },
  {
    name: 'full-forever',
    says: 'takes the disk for full after there is room again',
    in: 'saved',
    find: '    full = false\n    given.onSaved',
    replace: '    given.onSaved',
    caughtBy: 'test/master/dispatch/group-commit.test.ts',
  },
  {
    name: 'changes-dropped',
    says: 'saves the tasks of a batch and forgets its other changes',
    in: 'changesOf',
    find: 'const all = [...changes]',
    replace: 'const all: Change[] = []',
    caughtBy: 'test/master/dispatch/group-commit.test.ts',
  },
  {
    name: 'heartbeat-revokes-unsaved',
    says: 'tells a slave by its heartbeat to drop what an unsaved end made unwanted',
    in: 'perform',
    find: "      case 'answer-heartbeat':\n",
    replace: "      case 'revoke-by-heartbeat':\n      case 'answer-heartbeat':\n",
    caughtBy: 'test/master/dispatch/dispatcher.test.ts',
  },
]
