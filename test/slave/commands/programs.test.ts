// The allow-list of programs: what --commands may be, and which file a name stands for.

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createPrograms, parseAllowed } from '../../../slave/commands/programs.ts'
import { UNCLEAR } from './unclear-lists.ts'

t.test('reads names, and names with paths', async (t) => {
  const allowed = parseAllowed(['ffmpeg', 'convert=/usr/bin/convert', 'a=/b=c'])
  t.same(
    allowed,
    new Map([
      ['ffmpeg', null],
      ['convert', '/usr/bin/convert'],
      ['a', '/b=c'],
    ]),
  )
  t.equal(parseAllowed(['any']), 'any')
})

t.test('refuses a list that is unclear, and says why', async (t) => {
  const why = (...list: string[]): string => {
    try {
      parseAllowed(list)
      return ''
    } catch (error) {
      return (error as Error).message
    }
  }
  for (const [list, words] of UNCLEAR) t.match(why(...list), words)
})

t.test('finds a program', async (t) => {
  const root = t.testdir({ first: {}, second: { flac: '#!/bin/sh', readme: '' } })
  const [first, second] = [join(root, 'first'), join(root, 'second')]
  chmodSync(join(second, 'flac'), 0o755)
  mkdirSync(join(first, 'flac'))
  const path = `${first}:relative:${second}`
  const of = (list: string[]) => createPrograms(parseAllowed(list), path)

  t.test(
    'in the first folder of PATH that has a file of its name that can be executed',
    async (t) => {
      t.same(of(['flac']).find('flac'), { path: join(second, 'flac') })
      t.same(of(['readme']).find('readme'), { unable: '"readme" is not installed here' })
      t.equal(of(['flac']).path, `${first}:${second}`, 'relative folders do not count')
    },
  )

  t.test('under its path only, when the list gives one', async (t) => {
    const other = join(root, 'other')
    const programs = of([`flac=${other}`])
    t.same(programs.find('flac'), { unable: '"flac" is not installed here' })
    writeFileSync(other, '')
    chmodSync(other, 0o755)
    t.same(programs.find('flac'), { path: other }, 'installed meanwhile')
  })

  t.test('only when it is listed', async (t) => {
    t.same(of(['flac']).find('sh'), { unable: 'does not run "sh"' })
    t.same(of(['flac']).find(''), { unable: 'does not run ""' })
    t.same(of(['any']).find('flac'), { path: join(second, 'flac') })
  })

  t.test('never by a path, whatever is allowed', async (t) => {
    for (const name of [`../second/flac`, join(second, 'flac'), 'flac\0']) {
      t.match(of(['any']).find(name), { unable: /^does not run/ })
    }
    for (const name of ['.', '..', '']) {
      t.match(of(['any']).find(name), { unable: /is not installed here/ })
    }
  })
})
