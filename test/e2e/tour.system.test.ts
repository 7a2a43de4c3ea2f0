// `npm run tour`: the quick ones, as README shows them.

import type { Test } from 'tap'
import t from 'tap'
import { commandOf } from '../rigs/cluster/launch.ts'
import { startCommand } from '../rigs/cluster/programs.ts'

async function tour(t: Test, name: string): Promise<{ code: number | null; said: string }> {
  const command = commandOf('deploy/local/tour.ts', [name])
  const { code, stdout, stderr } = await startCommand(t, command).ran
  return { code, said: stdout + stderr }
}

t.test('words: ten paragraphs through three slaves that poll', async (t) => {
  const { code, said } = await tour(t, 'words')
  t.equal(code, 0, said)
  const rows = said.match(/^ +\d+ +pull-[123] +\S/gm) ?? []
  t.equal(rows.length, 10)
  const words = rows.map((row) => Number.parseInt(row, 10)).reduce((sum, n) => sum + n, 0)
  t.match(said, new RegExp(`^ *${words}  words in total$`, 'm'))
})

t.test('sum: of squares, as the closed form says', async (t) => {
  const { code, said } = await tour(t, 'sum')
  t.equal(code, 0, said)
  t.equal(said.match(/333333833333500000/g)?.length, 2)
})

t.test('anything else is told what there is', async (t) => {
  const { code, said } = await tour(t, 'nowhere')
  t.equal(code, 64)
  t.match(said, /no tour "nowhere"[\s\S]*frequency/)
})
