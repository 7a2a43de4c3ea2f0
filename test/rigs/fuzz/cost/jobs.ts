// Jobs, tasks and batches that are large in every way that a client can choose: long texts, many parts,
// wide ranges, large numbers, deep expressions, many tasks.

import type { Random } from '../../../../shared/data/random.ts'
import { createExpressions } from '../expressions.ts'

/** Below the largest body of a task or job that a master takes, with what stands around it. */
const TASK_TEXT_MAX = 900_000
const JOB_TEXT_MAX = 15_500_000
const BATCH_TASKS_MAX = 1_000
const SHA256 = 'ab'.repeat(32)

export type Posted = { path: '/jobs' | '/tasks' | '/tasks/batch'; body: object }

/** Gives the next job or task, over and over. */
export function createJobs(random: Random): () => Posted {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random.next() * list.length)] as T
  const upTo = (most: number): number => Math.floor(random.next() * most)
  const expression = createExpressions(random)
  const whole = () =>
    pick([1, 0, -7, 10 ** upTo(16), `-1${'0'.repeat(upTo(29))}`, '9'.repeat(1 + upTo(29))])

  const TERMS = ['n', 'n^2', '1/n', '1/(n(n+1))', '2^n', 'n^n', '(n+1)/(n^3+7)', '1/(n^7+n+1)']
  function rangeSum() {
    const digits = '7'.repeat(1 + upTo(900))
    const power = 10 ** upTo(5)
    const odd = [
      `n^${power}`,
      `${digits}^n`,
      `1/${digits}`,
      `(n^${power} + 1)/(n^${power} + 3)`,
      `1e${upTo(999)}/n`,
    ]
    const term = () => pick([...TERMS, ...odd])
    const chain = Array.from({ length: 1 + upTo(12) }, term).join(
      pick([' + ', ' * ', ' - ', ' % ']),
    )
    return {
      expression: pick([chain.slice(0, 1_000), term(), `${'('.repeat(49)}n${')'.repeat(49)}`]),
      from: pick([1, whole()]),
      to: whole(),
      numbers: pick(['exact', 'exact', 'number']),
    }
  }

  const text = (bytesMax: number) => {
    const paragraph = pick([
      'a ',
      'Ask first. ',
      '\u{1F600}',
      '漢字',
      '1.',
      '-',
      '\n',
      'x\n\n',
      ' \n \n',
    ])
    return paragraph.repeat(1 + upTo(bytesMax / Buffer.byteLength(paragraph)))
  }
  const jobBytes = () => pick([TASK_TEXT_MAX, JOB_TEXT_MAX])
  const paragraphs = () =>
    Array.from({ length: 1 + upTo(10_001) }, () => pick(['a b', '', 'x'.repeat(80)]))

  function job(): object {
    const parts = pick([undefined, 1, 7, 1_000, 10_000])
    const common = {
      ...(parts && { parts }),
      runLimitMs: pick([50, 1_000]),
      tags: ['t'.repeat(64)],
    }
    const kind = pick(['range-sum', 'range-sum', 'word-count', 'word-frequency', 'image-filter'])
    if (kind === 'range-sum') return { ...common, kind, input: rangeSum() }
    if (kind === 'word-count')
      return {
        ...common,
        kind,
        input: pick([{ text: text(jobBytes()) }, { paragraphs: paragraphs() }]),
      }
    if (kind === 'word-frequency')
      return { ...common, kind, input: { text: text(jobBytes()), chunkBytes: pick([1, 100, 1e6]) } }
    return { ...common, kind, input: { image: SHA256, filters: paragraphs().slice(0, 200) } }
  }

  function task(): object {
    const rest = {
      queue: true,
      runLimitMs: 200,
      tags: Array.from({ length: 16 }, (_, i) => `${i}`.repeat(32)),
    }
    const long = Array.from({ length: 4_000 }, () => '1').join('+')
    const given = pick([expression(), long, 'ones(300, 300)', '"x"', `"${'é'.repeat(4_000)}"`])
    const scope = {
      x: pick([1, 'y'.repeat(upTo(400_000)), Array.from({ length: upTo(90_000) }, (_, i) => i)]),
    }
    if (random.next() < 0.2)
      return { ...rest, kind: 'word-count', input: { text: text(TASK_TEXT_MAX) } }
    return { ...rest, expression: given, scope }
  }

  /** Up to 1,000 tasks: with 16 KB each, or with as many members as a body may have. */
  function batch(): object {
    const x = pick([
      1,
      'y'.repeat(upTo(15_000)),
      Array.from({ length: upTo(200) }, () => ({ a: [] })),
    ])
    const kind = pick([
      { expression: '1 + 1', scope: { x } },
      { kind: 'sleep', input: { ms: 0 } },
    ])
    const keyed = pick([true, false])
    const one = (_: unknown, i: number) => ({
      ...kind,
      queue: true,
      tags: ['t'],
      ...(keyed && { idempotencyKey: `${upTo(1e9)}-${i}` }),
    })
    return { tasks: Array.from({ length: 1 + upTo(BATCH_TASKS_MAX) }, one) }
  }

  return () => {
    const path = pick(['/jobs', '/jobs', '/jobs', '/tasks', '/tasks', '/tasks/batch'] as const)
    return { path, body: path === '/jobs' ? job() : path === '/tasks' ? task() : batch() }
  }
}
