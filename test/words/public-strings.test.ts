// The list of all public strings is up to date, finds texts in all their forms, and keeps to the terms.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { tableRows } from '../docs/pages.ts'
import { javascriptStrings } from './javascript-strings.ts'
import { monitoringStrings, pythonStrings, scriptStrings } from './other-strings.ts'
import { collect, LIST, listOf } from './public-strings.ts'

const strings = collect()

test('the list of public strings is what npm run words writes', async (t) => {
  const lines = (text: string): Set<string> => new Set(text.split('\n'))
  const committed = readFileSync(LIST, 'utf8')
  const found = listOf(strings)
  t.same([...lines(found).difference(lines(committed))], [], 'nothing new (npm run words)')
  t.same([...lines(committed).difference(lines(found))], [], 'nothing that is gone (npm run words)')
  t.ok(committed === found, 'the rooms and the order are the same (npm run words)')
})

/** The words that the table of README.md replaces by a term. */
const REPLACED = tableRows(readFileSync(join(import.meta.dirname, 'README.md'), 'utf8'))
  .slice(1)
  .flatMap(([, words = '']) => words.split(', '))

/** Whether a text contains one of the replaced words. Assertions are for those who read the source. */
function breaksTerms(words: string): string[] {
  const said = words.replaceAll(/\{[^{}]*\}/g, '')
  return REPLACED.filter((each) => new RegExp(`\\b${each}\\b`, 'i').test(said))
}

test('every public string uses the terms of the table', async (t) => {
  t.ok(REPLACED.length > 30)
  t.same(breaksTerms('Nobody is told; it goes on.'), ['nobody', 'goes on'])
  const wrong = strings
    .filter(({ sort }) => sort !== 'assertion')
    .flatMap(({ file, words }) => breaksTerms(words).map((each) => `${file}: ${each}: ${words}`))
  t.same(wrong, [])
})

test('TypeScript: finds problems, errors, logs, descriptions and sentences, and no code', async (t) => {
  const source = `
    import a from './two words.ts'
    const sql = 'SELECT a FROM b'
    const type: string = 'at-capacity'
    if (type === 'in two words') throw new Problem('not-found', \`no task \${task.id} here\`)
    log.info({ id }, 'ready')
    const field = Type.String({ description: 'milliseconds', pattern: 'a b' + '[c]' })
    const text = 'one half ' + (x ? 'of it' : 'of this') + ', and the rest'
    counter('askfirst_tasks_total', 'Tasks that ended.', () => 1)
    new Error('no such thing')
  `
  t.same(javascriptStrings(source, false), [
    { sort: 'problem', words: 'no task {id} here' },
    { sort: 'log', words: 'ready' },
    { sort: 'description', words: 'milliseconds' },
    { sort: 'text', words: 'a b[c]' },
    { sort: 'text', words: 'one half {of it|of this}, and the rest' },
    { sort: 'text', words: 'of it' },
    { sort: 'text', words: 'of this' },
    { sort: 'metric', words: 'Tasks that ended.' },
    { sort: 'error', words: 'no such thing' },
  ])
})

test('the page: finds the texts between tags, and the attributes that people read', async (t) => {
  const source =
    'html`<p class="two words" title="Seen twice">Read <b>this</b><br>and ${count(n)} more</p>`; f(\'Close\')'
  t.same(javascriptStrings(source, true), [
    { sort: 'page', words: 'Read this' },
    { sort: 'page', words: 'and {n} more' },
    { sort: 'page', words: 'Seen twice' },
    { sort: 'page', words: 'Close' },
  ])
})

test('Python: joins neighbours, and leaves out docstrings and comments', async (t) => {
  const source =
    '"""What it is."""\n# a "comment here"\nlog(f"no {x} here: " "try again")\ny = "one"\n'
  t.same(pythonStrings(source), [{ sort: 'log', words: 'no {x} here: try again' }])
})

test('scripts and alerts: finds what they print', async (t) => {
  t.same(scriptStrings('[ -r x ] || fail "no x: make it"; echo "$a"; throw \'it failed\''), [
    { sort: 'text', words: 'no x: make it' },
    { sort: 'text', words: 'it failed' },
  ])
  t.same(monitoringStrings("  summary: 'it is down'\n"), [{ sort: 'text', words: 'it is down' }])
})
