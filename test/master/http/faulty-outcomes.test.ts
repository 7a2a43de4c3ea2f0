// Outcomes that are no good JSON among others that are: only they fail.

import type { Test } from 'tap'
import t from 'tap'
import { withoutFaulty } from '../../../master/http/faulty-outcomes.ts'
import { startQuietMaster } from '../../quiet-master.ts'
import type { Json } from '../../requests.ts'

const FAULTS: [result: string, words: RegExp][] = [
  ['{"a":1,"a":2}', /same member more than once/],
  ['[[{"b":{"a":1,"\\u0061":null}}]]', /same member more than once/],
  ['"x\\ud800"', /unpaired surrogate/],
  ['{"\\udc00":1}', /unpaired surrogate/],
  [`${'['.repeat(600)}${']'.repeat(600)}`, /more than 512/],
  ['{"__proto__":1}', /__proto__/],
  ['{"a":[{"constructor":{"prototype":1}}]}', /prototype/],
]
const said = (...outcomes: string[]): Buffer => {
  const callbacks = outcomes.map((outcome, i) => `{"attempt":"a${i}", "outcome": ${outcome} }`)
  return Buffer.from(`{"state":{"free": 1.0},"callbacks":[${callbacks.join(' ,')}]}`)
}
const done = (result: string): string => `{"status":"done","result":${result}}`

t.test('a faulty outcome is replaced by a failure, and all else stays byte for byte', async (t) => {
  for (const [result, words] of FAULTS) {
    const text = String(withoutFaulty(said(done('-0.0'), done(result), done('[1.10]'))))
    const failure = JSON.parse(text).callbacks[1].outcome
    t.match(failure, { status: 'failed', type: 'invalid-result', message: words })
    t.equal(text, String(said(done('-0.0'), JSON.stringify(failure), done('[1.10]'))))
  }
  const both = String(
    withoutFaulty(said(done('{"a":1,"a":1}'), '{"status":"done","status":"done"}')),
  )
  t.equal(both.match(/invalid-result/g)?.length, 2)
})

t.test('a failure stays one of its type', async (t) => {
  const failed = '{"status":"failed","type":"executor-crashed","message":"\\ud800"}'
  const { callbacks } = JSON.parse(String(withoutFaulty(said(failed))))
  t.match(callbacks[0].outcome, { status: 'failed', type: 'executor-crashed', message: /half/ })
})

t.test('an outcome in short is replaced, too, unless what is around it is at fault', async (t) => {
  const short = (rest: string) => withoutFaulty(Buffer.from(`{"task":"t", ${rest}}`))
  t.same(JSON.parse(String(short('"resultText":"x","result":{"a":1,"a":2}'))), {
    task: 't',
    failure: {
      type: 'invalid-result',
      message:
        'the slave delivered JSON that cannot be used: an object has the same member more than once; each name may occur once',
    },
  })
  t.equal(short('"task":"u","result":{"a":1,"a":2}'), null)
  t.equal(short('"result":1,"result":1'), null)
  t.equal(short('"result":{"a":1}'), null)
})

t.test('what has no faulty outcome is left to be refused', async (t) => {
  for (const text of ['', '{', '[]', '1', 'null', '{"callbacks":1}', '{"callbacks":[1,{}]}']) {
    t.equal(withoutFaulty(Buffer.from(text)), null, text)
  }
  t.equal(withoutFaulty(said(done('1'))), null)
})

/** A master, and a poll's task of each kind of result. */
async function setUp(t: Test) {
  const master = await startQuietMaster(t)
  const send = async (method: string, path: string, body?: string): Promise<Json> => {
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(
      `${master.url}${path}`,
      body ? { method, headers, body } : { method },
    )
    const text = await answer.text()
    return { status: answer.status, body: text === '' ? null : JSON.parse(text) }
  }
  return send
}

t.test('of many results in one request only the faulty one is not taken', async (t) => {
  const send = await setUp(t)
  const slots = FAULTS.length + 2
  const card = { name: 'a', boot: 'b', slots }
  const register = { ...card, version: '1', kinds: ['own'], tags: [], pull: true }
  t.equal((await send('POST', '/slaves', JSON.stringify(register))).status, 200)
  const ids: string[] = []
  const queued = JSON.stringify({
    tasks: Array(slots).fill({ kind: 'own', input: 1, queue: true }),
  })
  for (const { id } of (await send('POST', '/tasks/batch', queued)).body.tasks) ids.push(id)
  const poll = `/get_task?slave=a&boot=b&generation=1&free=${slots}&wait=30`
  const { offers } = (await send('GET', poll)).body
  t.equal(offers.length, slots)
  const results = ['[1.10]', ...FAULTS.map(([result]) => result), '2']
  const callbacks = offers.map(({ attempt, task }: Json, i: number) => {
    return `{"attempt":"${attempt}","task":"${task}","ranMs":1,"outcome":${done(results[i] as string)}}`
  })
  const state = { slave: 'a', boot: 'b', generation: 2, slots, free: slots, mode: 'accepting' }
  const head = JSON.stringify({ ...state, reason: '' })
  const request = (list: string) => `{"state":${head},"callbacks":[${list}]}`
  const twice = request(callbacks.join()).replace('{"state"', '{"x":1,"x":2,"state"')
  t.match(await send('POST', '/callbacks', twice), { status: 400, body: { type: 'invalid-json' } })
  const taken = await send('POST', '/callbacks', request(callbacks.join()))
  t.equal(taken.status, 200)
  t.equal(taken.body.acknowledged.length, slots)
  for (const [i, { task }] of offers.entries()) {
    const { body } = await send('GET', `/tasks/${task}`)
    const fault = FAULTS[i - 1]
    if (fault)
      t.match(body, { status: 'failed', failure: { type: 'invalid-result', message: fault[1] } })
    else t.equal(body.status, 'done')
  }
})

t.test('a long request is mended as a short one is', async (t) => {
  const send = await setUp(t)
  const polled = send('GET', '/get_task?slave=w&kinds=own&wait=30')
  await send('GET', '/get_task?slave=v&kinds=none&wait=0')
  await send('POST', '/tasks', '{"kind":"own","input":1}')
  const { task } = (await polled).body
  const long = `{"text":"${'x'.repeat(1 << 19)}","a":1,"a":2}`
  t.equal((await send('POST', '/submit_result', `{"task":"${task}","result":${long}}`)).status, 200)
  const { body } = await send('GET', `/tasks/${task}`)
  t.match(body, { status: 'failed', failure: { type: 'invalid-result', message: /same member/ } })
})

t.test('a field of the short form that is no field of an outcome is not kept', async (t) => {
  const send = await setUp(t)
  for (const result of ['1', '{"a":1,"a":2}']) {
    const polled = send('GET', '/get_task?slave=w&kinds=own&wait=30')
    await send('GET', '/get_task?slave=v&kinds=none&wait=0')
    await send('POST', '/tasks', '{"kind":"own","input":1}')
    const { task } = (await polled).body
    const body = `{"task":"${task}","result":${result},"toString":5,"other":6}`
    t.equal((await send('POST', '/submit_result', body)).status, 200)
    const ended = (await send('GET', `/tasks/${task}`)).body
    t.notOk(Object.hasOwn(ended, 'toString'))
    t.notOk(Object.hasOwn(ended, 'other'))
  }
})
