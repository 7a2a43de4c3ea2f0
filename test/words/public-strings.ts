// Every string of the product that people read, in one list: what it says, by room and by sort. The
// list is committed as public-strings.txt, so that a new or changed text shows in review as a line.

import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { javascriptStrings } from './javascript-strings.ts'
import { htmlStrings, monitoringStrings, pythonStrings, scriptStrings } from './other-strings.ts'
import type { PublicString } from './sorts.ts'
import { SORTS } from './sorts.ts'

const ROOT = join(import.meta.dirname, '../..')
export const LIST = join(import.meta.dirname, 'public-strings.txt')

/** The reader of each sort of file, by the end of its name. */
const READERS: Record<string, (text: string, path: string) => PublicString[]> = {
  '.ts': (text, path) => javascriptStrings(text, isPage(path)),
  '.js': (text, path) => javascriptStrings(text, isPage(path)),
  '.mjs': (text) => javascriptStrings(text, false),
  '.html': (text) => htmlStrings(text).map((words) => ({ sort: 'page', words: words.trim() })),
  '.py': pythonStrings,
  '.sh': scriptStrings,
  '.ps1': scriptStrings,
  '.yml': monitoringStrings,
  '.json': monitoringStrings,
}

/** Foreign code, lists of mathjs's names, what is generated, and a copy of alerts.yml's texts. */
const NOT_READ = [
  'master/dashboard/lib/**',
  'shared/kinds/expression/{names,cost}.ts',
  'slave/schemas/**',
  '**/alerts.test.yml',
]

const isPage = (path: string): boolean => path.startsWith('master/dashboard/')

export type Found = PublicString & { file: string }

/** All public strings of the product, in the order of files and lines. */
export function collect(root = ROOT): Found[] {
  const files = globSync('{master,slave,shared,deploy}/**/*.{ts,js,mjs,html,py,sh,ps1,yml,json}', {
    cwd: root,
    exclude: NOT_READ,
  })
  return files.toSorted().flatMap((file) => {
    const read = READERS[/\.\w+$/.exec(file)?.[0] ?? '']
    const strings = read?.(readFileSync(join(root, file), 'utf8'), file) ?? []
    return strings.map((string) => ({ ...string, file }))
  })
}

/** The list as text: rooms, in each the sorts, in each the strings, sorted: a renamed file changes nothing. */
export function listOf(strings: Found[]): string {
  const rooms = Map.groupBy(strings, ({ file }) =>
    file.split('/').slice(0, -1).slice(0, 2).join('/'),
  )
  const room = ([name, all]: [string, Found[]]): string => {
    const bySort = SORTS.map((sort) => {
      const words = new Set(all.filter((each) => each.sort === sort).map((each) => each.words))
      return words.size === 0 ? '' : `\n[${sort}]\n${[...words].sort().join('\n')}\n`
    })
    return `== ${name} ==\n${bySort.join('')}`
  }
  return [...rooms].map(room).join('\n')
}
