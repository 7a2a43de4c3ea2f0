// Ten paragraphs of README.md, counted by three slaves that no master could reach.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Fleet } from '../fleet.ts'
import { ROOT } from '../fleet.ts'

const SLAVES = ['pull-1', 'pull-2', 'pull-3']
const PARAGRAPHS = 10

export async function words(fleet: Fleet, say: (line: string) => void): Promise<void> {
  for (const name of SLAVES) await fleet.slave(name, ['--pull'])
  say(`A master and three polling slaves: ${SLAVES.join(', ')}.`)
  const paragraphs = paragraphsOf(readFileSync(join(ROOT, 'README.md'), 'utf8'))
  const { id, result } = await fleet.run({ kind: 'word-count', input: { paragraphs } })
  say(`The first ${PARAGRAPHS} paragraphs of README.md, each a part of a job:\n`)
  say('words  by      paragraph')
  for (const { part, slave, result } of await fleet.parts(id, 'count')) {
    const { words } = result as { words: number }
    const text = paragraphs[part - 1] ?? ''
    say(`${String(words).padStart(5)}  ${slave}  ${text.slice(0, 60).replaceAll('\n', ' ')}...`)
  }
  say(`${String((result as { total: number }).total).padStart(5)}  words in total`)
}

/** Of prose: no headings, tables and code. */
const paragraphsOf = (markdown: string): string[] =>
  markdown
    .replace(/^```[\s\S]*?^```$/gm, '')
    .split(/\n\s*\n/)
    .map((text) => text.trim())
    .filter((text) => /^[A-Z*]/.test(text))
    .slice(0, PARAGRAPHS)
