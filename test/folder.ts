// Folders of tests, and what a helper needs of a test.

import type { Test } from 'tap'

/** What a helper needs of tap: something that runs when the test ends, and a folder. */
export type Teardown = { teardown(run: () => unknown): unknown; testdir(): string }

type Content = Parameters<Test['testdir']>[0]

/**
 * A folder of the test, removed when its processes have ended. (tap removes the folder before the
 * teardowns that were added after it, and a master or a slave whose folder goes takes notice.)
 */
export function folderOf(
  t: { teardown(run: () => unknown): unknown; testdir: (content?: Content) => string },
  content?: Content,
): string {
  t.teardown(() => {})
  return t.testdir(content)
}
