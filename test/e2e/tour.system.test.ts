// `npm run tour`: the quick ones, as README shows them.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'
import { BEFORE, COMMAND } from '../rigs/cluster/launch.ts'

const TOUR = new URL('../../deploy/local/tour.ts', import.meta.url).pathname

async function tour(...args: string[]): Promise<{ code: number; said: string }> {
  const child = spawn(COMMAND, [...BEFORE, TOUR, ...args], { env: { PATH: process.env.PATH } })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text: Buffer) => void (said += text.toString()))
  }
  const [code] = await once(child, 'close')
  return { code: code as number, said }
}

t.test('words: ten paragraphs through three slaves that poll', async (t) => {
  const { code, said } = await tour('words')
  t.equal(code, 0, said)
  const rows = said.match(/^ +\d+ +pull-[123] +\S/gm) ?? []
  t.equal(rows.length, 10)
  const words = rows.map((row) => Number.parseInt(row, 10)).reduce((sum, n) => sum + n, 0)
  t.match(said, new RegExp(`^ *${words}  words in all$`, 'm'))
})

t.test('sum: of squares, as the closed form says', async (t) => {
  const { code, said } = await tour('sum')
  t.equal(code, 0, said)
  t.equal(said.match(/333333833333500000/g)?.length, 2)
})

t.test('anything else is told what there is', async (t) => {
  const { code, said } = await tour('nowhere')
  t.equal(code, 64)
  t.match(said, /no tour "nowhere"[\s\S]*frequency/)
})
