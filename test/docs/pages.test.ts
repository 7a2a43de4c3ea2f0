// The documentation pages are consistent: generated parts are up to date, links and paths lead somewhere,
// README.md stays short.

import { existsSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { test } from 'tap'
import {
  anchorsOf,
  codeIn,
  GENERATED,
  generatedIn,
  linksIn,
  pagePaths,
  ROOT,
  readPage,
  regenerate,
  section,
  tableRows,
  withoutFences,
} from './pages.ts'

const README_LINES_MAX = 250
const PARAGRAPHS_OF_THE_TOUR = 10

const pages = pagePaths().map((path) => ({ path, text: readPage(path) }))

test('every generated part of a page is what npm run docs writes', async (t) => {
  for (const { path, text } of pages) {
    t.ok(regenerate(text) === text, `${path} is up to date (npm run docs)`)
  }
  const stale = '<!-- generated: settings of the master -->\nold\n<!-- end -->'
  t.match(regenerate(stale), /\| `--port` \|/)
  t.throws(() => regenerate(stale.replace('master', 'moon')), /"settings of the moon"/)
})

test('every generated part stands on exactly one page', async (t) => {
  const found = pages.flatMap(({ text }) => generatedIn(text))
  t.same(found.toSorted(), Object.keys(GENERATED).toSorted())
})

test(`README.md has at most ${README_LINES_MAX} lines`, async (t) => {
  const lines = readPage('README.md').split('\n').length - 1
  t.ok(lines <= README_LINES_MAX, `${lines} lines`)
})

test('README.md has the two commands that set up and test a fresh machine', async (t) => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  for (const command of ['npm ci && npm start', 'npm ci && npm test']) {
    t.match(readPage('README.md'), command)
    t.ok(command.replace(/.* /, '') in scripts)
  }
})

test('README.md states the promises P1 to P9', async (t) => {
  const promises = section(readPage('README.md'), 'Promises')
  const stated = [...promises.matchAll(/^\| (P\d) \|/gm)].map(([, name]) => name)
  t.same(stated, ['P1', 'P2', 'P3', 'P4', 'P5', 'P6', 'P7', 'P8', 'P9'])
})

test('README.md has paragraphs enough for the tour that counts their words', async (t) => {
  const paragraphs = withoutFences(readPage('README.md'))
    .split(/\n\s*\n/)
    .filter((text) => /^[A-Z*]/.test(text.trim()))
  t.ok(paragraphs.length >= PARAGRAPHS_OF_THE_TOUR)
})

test('every relative link leads to a file, and its anchor to a heading', async (t) => {
  const broken = pages.flatMap(({ path, text }) =>
    linksIn(text)
      .filter((link) => !/^https?:/.test(link) && !leadsSomewhere(path, link))
      .map((link) => `${path}: ${link}`),
  )
  t.same(broken, [])
  t.ok(leadsSomewhere('README.md', 'master/http/README.md#problems'))
  t.notOk(leadsSomewhere('README.md', 'master/http/README.md#nothing'))
  t.notOk(leadsSomewhere('README.md', 'master/nothing.md'))
})

function leadsSomewhere(page: string, link: string): boolean {
  const [file = '', anchor] = link.split('#')
  const path = file === '' ? page : posix.join(posix.dirname(page), file)
  if (!existsSync(join(ROOT, path))) return false
  return anchor === undefined || (path.endsWith('.md') && anchorsOf(readPage(path)).has(anchor))
}

test('every path of the repository that a page names exists', async (t) => {
  const isPath = (code: string): boolean =>
    /^(master|slave|shared|deploy|test)\/[\w./-]+$/.test(code)
  const gone = pages.flatMap(({ path, text }) =>
    codeIn(withoutFences(text))
      .filter((code) => isPath(code) && !existsSync(join(ROOT, code)))
      .map((code) => `${path}: ${code}`),
  )
  t.same(gone, [])
})

test('every row of a table has as many cells as its heading', async (t) => {
  const tables = pages.flatMap(({ path, text }) =>
    withoutFences(text)
      .split(/\n(?!\|)/)
      .map((block) => ({ path, rows: tableRows(block.replace(/^[^|]*\n/, '')) }))
      .filter(({ rows }) => rows.length > 0),
  )
  t.ok(tables.length > 50)
  const odd = tables.flatMap(({ path, rows }) =>
    rows
      .filter(({ length }) => length !== rows[0]?.length)
      .map((cells) => `${path}: ${cells.join(' | ')}`),
  )
  t.same(odd, [])
})

test('every npm script that a page names exists', async (t) => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  const named = pages.flatMap(({ path, text }) =>
    [...text.matchAll(/\bnpm run (?:-s )?([\w:-]+)/g)].map(([, name = '']) => ({ path, name })),
  )
  t.ok(named.length > 20)
  t.same(
    named.filter(({ name }) => !(name in scripts)),
    [],
  )
})

test('every room has a page that README.md leads to in one or two steps', async (t) => {
  const leadsTo = (page: string): string[] =>
    linksIn(readPage(page)).map((link) =>
      posix.join(posix.dirname(page), link.split('#')[0] as string),
    )
  const one = leadsTo('README.md').filter((path) => pages.some((page) => page.path === path))
  const reached = new Set(['README.md', ...one, ...one.flatMap(leadsTo)])
  const unreached = pages.map(({ path }) => path).filter((path) => !reached.has(path))
  t.same(unreached, ['test/fixtures/README.md'])
})
