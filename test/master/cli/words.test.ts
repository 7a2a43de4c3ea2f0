// What the command line says of answers of a master: it decides by their fields, and by no words.

import { test } from 'tap'
import { explanationInWords } from '../../../master/cli/words.ts'
import type { Explanation } from '../../../shared/client/client.ts'

type Row = Explanation['slaves'][number]
const UNABLE: Row = { slave: 'a', available: false, state: 'unable', reason: 'does not offer "x"' }
const BUSY: Row = { slave: 'b', available: false, state: 'busy', reason: 'running 1 of 1' }
const verdict = (...slaves: Row[]) => explanationInWords('x', { wouldAsk: null, slaves })[0]

test('tells slaves that do not offer a kind from those that are not available', async (t) => {
  t.match(verdict(), 'no slave is registered')
  t.match(verdict(UNABLE), 'none of 1 slave offers it')
  t.match(verdict(UNABLE, BUSY), 'no slave that offers it is available')
})

test("does not read a decision from a slave's own words", async (t) => {
  const unwilling: Row = { ...BUSY, state: 'unwilling', reason: 'does not offer help at night' }
  t.match(verdict(unwilling), 'no slave that offers it is available')
})

test('says less of a master of an earlier version, which tells no states', async (t) => {
  const { state: _, ...row } = UNABLE
  t.match(verdict(row), 'no slave that offers it is available')
})
