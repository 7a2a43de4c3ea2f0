// In a child, inside a copy of the tree that has one bug: the worlds of ever more seeds, until one
// fails. The parent hears of each, so that it notices a world that never ends.

import { runWorld } from '../world.ts'

export type Report =
  | { is: 'held'; seed: number }
  | { is: 'broken'; seed: number; kind: string; words: string }

const seeds = Number(process.argv[2])
for (let seed = 1; seed <= seeds; seed++) {
  try {
    await runWorld(seed)
    say({ is: 'held', seed })
  } catch (error) {
    const { name: kind, message: words } = error as Error
    say({ is: 'broken', seed, kind, words })
    break
  }
}
process.disconnect?.()

function say(report: Report): void {
  process.send?.(report)
}
