// The pages of the protocol and slave/schemas/ say what shared/protocol/wire.ts and the conformance kit say.

import { readFileSync } from 'node:fs'
import t from 'tap'
import * as wire from '../../../shared/protocol/wire.ts'
import { RULES } from './rules.ts'
import type { MessageName } from './schemas.ts'
import { checkOf, MESSAGE_NAMES, published, schemaOf } from './schemas.ts'

const read = (name: string): string =>
  readFileSync(new URL(`../../../slave/${name}`, import.meta.url), 'utf8')
const page = read('PROTOCOL.md') + read('POLLING.md') + read('COMMANDS.md') + read('FILES.md')

t.test('every example is of its schema', async (t) => {
  const seen: string[] = []
  for (const [, name = '', text = ''] of page.matchAll(/^```json *(\w*)\n([\s\S]*?)^```$/gm)) {
    const value: unknown = JSON.parse(text)
    if (name === '') continue
    seen.push(name)
    t.same(checkOf(name as MessageName).mistakes(value), [], name)
  }
  t.same(
    MESSAGE_NAMES.filter((name) => !seen.includes(name) && name !== 'Poll'),
    [],
    'and every message has an example; a poll is a query, not JSON',
  )
})

t.test(
  'the published schemas are those of shared/protocol/wire.ts (npm run schemas), and linked',
  async (t) => {
    for (const name of MESSAGE_NAMES) {
      t.same(JSON.parse(published(name)), schemaOf(name), name)
      t.ok(page.includes(`(schemas/${name}.json)`), `the page links ${name}`)
    }
  },
)

t.test('the rules are those of the kit, in its order and words', async (t) => {
  const rows = [...read('RULES.md').matchAll(/^\| (\d+) \| `([\w-]+)` \| (.+?) \|/gm)]
  t.same(
    rows.map(([, number, name, says]) => ({ number: Number(number), name, says })),
    RULES.map(({ name, says }, i) => ({ number: i + 1, name, says })),
  )
})

t.test('every answer and the failures of a slave are explained', async (t) => {
  const unexplained = wire.ANSWERS.filter((answer) => !page.includes(`| \`${answer}\` |`))
  t.same(unexplained, [])
  const explained = [...page.matchAll(/^\| `([\w-]+)` \| .+ \| .+ \|$/gm)].map(([, type]) => type)
  const ofTheMaster = ['poison', 'slave-lost', 'outcome-lost', 'no-capable-slave', 'invalid-result']
  // What the expression kind says of its own input.
  const ofItsKind = ['rejected-expression']
  const others = [...ofTheMaster, ...ofItsKind]
  t.same(
    wire.FAILURES.filter((type) => !explained.includes(type) && !others.includes(type)),
    [],
  )
})
