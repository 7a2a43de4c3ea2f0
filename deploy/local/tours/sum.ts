// The sum of the squares of 1 to 1,000,000, by three slaves, beside the closed form.

import type { Fleet } from '../fleet.ts'

const SLAVES = ['slave-1', 'slave-2', 'slave-3']
const PARTS = 6
const TO = 1_000_000n

export async function sum(fleet: Fleet, say: (line: string) => void): Promise<void> {
  for (const name of SLAVES) await fleet.slave(name)
  say(`A master and three slaves: ${SLAVES.join(', ')}.`)
  const input = { expression: 'n^2', from: 1, to: Number(TO) }
  const { id, resultText } = await fleet.run({ kind: 'range-sum', parts: PARTS, input })
  say(`The sum of n^2 for n = 1 to ${TO}, each a part of a job:\n`)
  for (const { part, slave, result } of await fleet.parts(id, 'add')) {
    say(`  part ${part}, ${slave}: ${(result as { n: string }).n}`)
  }
  say(`  sum:             ${resultText}`)
  const closed = (TO * (TO + 1n) * (2n * TO + 1n)) / 6n
  say(`  N(N+1)(2N+1)/6:  ${closed}`)
  if (resultText !== String(closed)) throw new Error('the sum differs from the closed form')
}
