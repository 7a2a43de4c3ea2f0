// A client never reads a regular expression: each pattern has its rule in words.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createCheck, wordsOfPatterns } from '../../shared/http/validate.ts'
import { loadJobKinds, loadKinds } from '../../shared/kinds/load-kinds.ts'
import * as wire from '../../shared/protocol/wire.ts'

t.test('every pattern of a kind and a message says in words what it wants', async (t) => {
  const kinds = await loadKinds()
  const jobKinds = await loadJobKinds()
  const api = new URL('../../shared/protocol/api/', import.meta.url)
  const contracts = await Promise.all(
    readdirSync(api).map((name) => import(new URL(name, api).href)),
  )
  const schemas = { kinds: [...kinds], jobKinds: [...jobKinds], contracts, wire }
  let seen = 0
  for (const [where, schema] of Object.entries(schemas)) {
    for (const [pattern, words] of wordsOfPatterns(schema)) {
      seen += 1
      t.ok(words, `${where}: ${pattern} needs \`wanted\``)
    }
  }
  t.ok(seen > 8, `${seen} patterns`)
})

t.test('every schema in the source that has a pattern has the words beside it', async (t) => {
  const ROOT = new URL('../../', import.meta.url).pathname
  let seen = 0
  for (const folder of ['shared', 'master', 'slave']) {
    for (const path of readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })) {
      if (!path.endsWith('.ts') || path === 'protocol/contract.ts') continue
      const lines = readFileSync(join(ROOT, folder, path), 'utf8').split('\n')
      for (const [at, line] of lines.entries()) {
        if (!/\bpattern: ('|[A-Z_]+\b)/.test(line) || line.includes("'\\\\S'")) continue
        seen += 1
        const beside = lines.slice(at, at + 3).join(' ')
        t.match(beside, /\bwanted: /, `${folder}/${path}:${at + 1}`)
      }
    }
  }
  t.ok(seen > 12, `${seen} patterns`)
})

t.test('a bound of range-sum is refused in words', async (t) => {
  const { input } = (await loadJobKinds()).get('range-sum')!
  for (const from of ['1e3', '1.5', '']) {
    const [mistake] = createCheck(input).mistakes({ expression: 'n', from, to: 3 }, '/input')
    t.equal(mistake?.field, 'input.from')
    t.match(mistake?.rule, /integer of up to 30 digits/)
    t.notMatch(mistake?.rule, /pattern/)
  }
})
