// Planted bugs in what is saved before what is said: commits, answers, keys, full disks.

import type { Bug } from './bug.ts'

export const SAYING: Bug[] = [
  {
    name: 'answer-before-commit',
    says: 'answers clients and slaves at once, not after the commit',
    in: 'perform',
    find: '      default:\n        return commit.after(effect)',
    replace: '      default:\n        return performSaved(effect)',
  },
  {
    name: 'acknowledge-before-commit',
    says: 'acknowledges callbacks before their outcomes are durable',
    in: 'perform',
    find: '      default:\n        return commit.after(effect)',
    replace: `      case 'acknowledge':
        return performSaved(effect)
      default:
        return commit.after(effect)`,
  },
  {
    name: 'end-before-commit',
    says: 'tells whoever waits for an outcome before it is durable',
    in: 'perform',
    find: '      default:\n        return commit.after(effect)',
    replace: `      case 'end':
        return performSaved(effect)
      default:
        return commit.after(effect)`,
  },
  {
    name: 'answer-beside-commit',
    says: 'answers at once what needs no saving of its own, though a commit is under way',
    in: 'flush',
    find: '    if (committing || broken) return\n',
    replace: `    if (committing && gathering.tasks.size === 0 && gathering.changes.length === 0) {
      const { after } = gathering
      gathering = emptyBatch()
      return given.release(after)
    }
    if (committing || broken) return
`,
  },
  {
    name: 'commits-side-by-side',
    says: 'begins the next commit while one is under way',
    in: 'flush',
    find: 'if (committing || broken) return',
    replace: 'if (broken) return',
  },
  {
    name: 'full-disk-drops-the-batch',
    says: 'forgets the rest of a batch whose new tasks found no room',
    in: 'noRoom',
    find: 'if (refused.length > 0 && !wasFull) return commit(rest)',
    replace: `if (refused.length > 0) {
      committing = false
      return given.release(after)
    }`,
  },
  {
    name: 'full-disk-still-promises',
    says: 'releases the promise of a task that found no room',
    in: 'noRoom',
    find: "const after = batch.after.filter((effect) => !('task' in effect && gone.has(effect.task)))",
    replace: 'const after = batch.after.filter(() => gone !== undefined)',
    harmless: 'the client has been refused already, so the promise finds nobody to tell',
  },
  {
    name: 'not-saved-not-taken-back',
    says: 'refuses a task that found no room, but goes on with it',
    in: 'onNoRoom',
    find: "if (tasks.length > 0) post({ is: 'not-saved', tasks })",
    replace: '',
  },
  {
    name: 'saved-is-inserted-again',
    says: 'inserts a task anew with each change',
    in: 'saved',
    find: '        known.isSaved = true\n',
    replace: '',
  },
  {
    name: 'key-only-in-memory',
    says: 'does not look an Idempotency-Key up in the store',
    in: 'beginOnce',
    find: 'const before = await store.find(key)',
    replace: 'const before = undefined as { id: string; requestHash: string } | undefined',
  },
  {
    name: 'key-only-in-store',
    says: 'does not see that the same key is under way',
    in: 'submitOnce',
    find: 'const before = keys.get(key)',
    replace:
      'const before = undefined as { requestHash: string; reply: Promise<Reply> } | undefined',
  },
  {
    name: 'cancel-before-commit',
    says: 'says that a task is cancelled before that is durable',
    in: 'cancel',
    find: '      await ended\n',
    replace: '      ended.catch(() => {})\n',
  },
]
