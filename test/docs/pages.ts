// The documentation pages: every README.md and the pages of the protocol. Their links, their tables, and
// the parts of them that are generated.

import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TObject } from 'typebox'
import { MasterSettings } from '../../master/settings.ts'
import { settingsTable } from '../../shared/process/settings.ts'
import { SlaveSettings } from '../../slave/settings.ts'

export const ROOT = join(import.meta.dirname, '../..')

/** What a page may contain between `<!-- generated: NAME -->` and `<!-- end -->`. */
export const GENERATED: Record<string, TObject> = {
  'settings of the master': MasterSettings,
  'settings of a slave': SlaveSettings,
}

const BLOCK = /(<!-- generated: (.+?) -->\n)[\s\S]*?(<!-- end -->)/g

/** Paths of all pages, relative to the root. */
export const pagePaths = (): string[] =>
  globSync(['*.md', '{deploy,master,shared,slave,test}/**/*.md'], { cwd: ROOT })
    .map((path) => path.replaceAll('\\', '/'))
    .toSorted()

export const readPage = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

/** The page with its generated parts as they should be. Throws for a part of an unknown name. */
export const regenerate = (page: string): string =>
  page.replace(BLOCK, (_all, open: string, name: string, close: string) => {
    const table = GENERATED[name]
    if (table === undefined) throw new Error(`nothing is generated under the name "${name}"`)
    return `${open}${settingsTable(table)}\n${close}`
  })

/** The names of the generated parts of a page. */
export const generatedIn = (page: string): string[] =>
  [...page.matchAll(BLOCK)].map(([, , name = '']) => name)

/** The page without its fenced code blocks, line for line. */
export const withoutFences = (page: string): string =>
  page.replace(/^(```|~~~).*\n[\s\S]*?^\1$/gm, (block) => block.replace(/[^\n]/g, ''))

/** The cells of all table rows, without the lines below headings. */
export const tableRows = (page: string): string[][] =>
  withoutFences(page)
    .split('\n')
    .filter((line) => line.startsWith('|') && !/^\|[-|: ]+\|$/.test(line))
    .map((line) =>
      line
        .replace(/^\|/, '')
        .replace(/\|\s*$/, '')
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim()),
    )

/** The `code` spans of a text. */
export const codeIn = (text: string): string[] =>
  [...text.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code)

/** The section below a heading, up to the next heading of the same or a higher level. */
export function section(page: string, heading: string): string {
  const lines = page.split('\n')
  const start = lines.findIndex(
    (line) => line.replace(/^#+ /, '') === heading && line.startsWith('#'),
  )
  if (start < 0) throw new Error(`there is no heading "${heading}"`)
  const level = (lines[start] as string).indexOf(' ')
  const end = lines.findIndex((line, i) => i > start && new RegExp(`^#{1,${level}} `).test(line))
  return lines.slice(start + 1, end < 0 ? undefined : end).join('\n')
}

/** The anchors of a page, as GitHub makes them of headings. */
export const anchorsOf = (page: string): Set<string> =>
  new Set(
    [...withoutFences(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
      heading
        .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .replace(/\s/g, '-'),
    ),
  )

/** The targets of all links and pictures, `<https://...>` among them. */
export const linksIn = (page: string): string[] =>
  [
    ...withoutFences(page)
      .replace(/`[^`\n]*`/g, '')
      .matchAll(/\]\(([^)\s]+)\)|<(https?:[^>]+)>/g),
  ].map(([, link, plain]) => (link ?? plain) as string)
