// Replies are not serialized by their schemas: here they are held to them, on a master that has no slaves.
// test/e2e/docs-client.system.test.ts does the same with tasks and jobs that run.

import { test } from 'tap'
import { createCheck } from '../../../shared/http/validate.ts'
import type { Contract } from '../../../shared/protocol/contract.ts'
import { ProblemDocument } from '../../../shared/protocol/problem-document.ts'
import { startQuietMaster } from '../../quiet-master.ts'

/** The schema of the only reply that is no problem; null for a stream, a file or several forms. */
function schemaOf({ replies }: Contract) {
  const reply = replies[200]
  return typeof reply === 'object' && reply !== null && '~kind' in reply ? reply : null
}

test('what a master replies to each GET fits the schema of its contract', async (t) => {
  const master = await startQuietMaster(t)
  let seen = 0
  for (const { method, path, contract } of master.routeTable()) {
    const schema = schemaOf(contract)
    if (method !== 'GET' || path.includes(':') || schema === null) continue
    const reply: unknown = await (await fetch(master.url + path)).json()
    t.same(createCheck(schema).mistakes(reply), [], path)
    t.not(createCheck(schema).mistakes({ nonsense: 1 }).length, 0, `and ${path} not by anything`)
    seen++
  }
  t.ok(seen > 8, `${seen} endpoints`)
})

test('a refusal fits the schema of a problem', async (t) => {
  const master = await startQuietMaster(t)
  const { mistakes } = createCheck(ProblemDocument)
  for (const body of ['{"expression":"1"}', '{"expression":1}', '{']) {
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${master.url}/tasks`, { method: 'POST', headers, body })
    t.notOk(response.ok)
    t.same(mistakes(await response.json()), [], body)
  }
})
