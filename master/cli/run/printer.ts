// Outcomes in the order of the inputs, whenever they come: what a program printed is printed in its turn, whole.
// An outcome whose turn has not come waits in the journal, not in memory.

import type { Journal } from './journal.ts'
import type { Ended } from './outcome.ts'

/** `print` writes one outcome. */
export function createPrinter(journal: Journal, print: (ended: Ended) => Promise<void>) {
  let next = journal.printed + 1
  let last: Promise<void> = Promise.resolve()

  async function take(ended: Ended): Promise<void> {
    if (ended.n > next) return journal.record(ended, false)
    await print(ended)
    await journal.record(ended, true)
    if (ended.n < next) return
    next++
    await printWaiting()
  }

  async function printWaiting(): Promise<void> {
    const from = next
    while (journal.isUnprinted(next)) {
      await print(await journal.read(next))
      next++
    }
    if (next > from) journal.notePrinted(next - 1)
  }

  const inTurn = (does: () => Promise<void>): Promise<void> => {
    const done = last.then(does)
    last = done.catch(() => {})
    return done
  }

  return {
    /** Prints what was recorded before and not printed. */
    begin: (): Promise<void> => inTurn(printWaiting),
    /** Resolves when it is recorded, or its line is on its way to the disk. */
    add: (ended: Ended): Promise<void> => inTurn(() => take(ended)),
    /** Up to this input all is printed. */
    printed: (): number => next - 1,
  }
}
export type Printer = ReturnType<typeof createPrinter>
