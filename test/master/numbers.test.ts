// Numbers go through the master as they were written, byte for byte, from any client to any slave and
// back; what our kinds cannot hold is refused. The slave here is a bare server, so that what is
// compared is text.

import t from 'tap'
import { startTextSpeakers } from './text-speakers.ts'

const NUMBERS = '[-0.0,-0,0.0,1.0,0.1000,1E5,1e400,-1e999,1e-400,12345678901234567890,0.1e-7]'
const INPUT = `{"n":${NUMBERS}, "deep": [{"x" :1.0}],"text":"1.0"}`

for (const store of ['memory', 'sqlite'] as const) {
  t.test(`numbers go through as they were written, with the store ${store}`, async (t) => {
    const { send, offered, newest, state } = await startTextSpeakers(t, store)
    const input = `"input":${INPUT}`
    const body = `{"kind":"own",${input}}`

    t.equal((await send('POST', '/tasks', body)).status, 202)
    t.match(offered.at(-1), input, 'in an offer')
    const first = newest()
    const outcome = `{"result": ${NUMBERS} ,"status":"done"}`
    const ids = `"attempt":"${first.attempt}","task":"${first.task}"`
    const said = `{"state":${state},"callbacks":[{${ids},"ranMs":1,"outcome":${outcome}}]}`
    t.equal((await send('POST', '/callbacks', said)).status, 200)
    const read = (await send('GET', `/tasks/${first.task}`)).text
    t.match(read, input, 'in a task')
    t.match(read, `"result":${NUMBERS}`, 'as a result')
    const listed = (await send('GET', '/tasks')).text
    t.match(listed, input, 'in a list')
    t.match(listed, `"result":${NUMBERS}`)

    t.equal((await send('POST', `/tasks/${first.task}/retry`)).status, 202)
    t.match(offered.at(-1), input, 'again')
    const second = newest()
    const short = `{"slave":"a","attempt":"${second.attempt}","result":-0.0,"resultText":"-0"}`
    t.equal((await send('POST', '/submit_result', short)).status, 200)
    t.match((await send('GET', `/tasks/${second.task}`)).text, '"result":-0.0,')

    const batch = `{"tasks":[{"kind":"own","input":1.0},{"input":-0.0,"kind":"own"}]}`
    await send('POST', '/tasks/batch', batch)
    const together = offered.slice(-2).join()
    t.match(together, '"input":1.0')
    t.match(together, '"input":-0.0')
  })
}

t.test('an answer to whoever waits, and to a poll, has them too', async (t) => {
  const { send } = await startTextSpeakers(t, 'memory')
  const polled = send('GET', '/get_task?slave=w&kinds=polled')
  await send('GET', '/get_task?slave=v&kinds=none&wait=0')
  const body = '{"kind":"polled","input":[1.0,1e400]}'
  const prefer = { prefer: 'wait=60', 'idempotency-key': 'k' }
  const waiting = send('POST', '/tasks', body, prefer)
  const { text } = await polled
  t.match(text, '"input":[1.0,1e400]')
  const { attempt } = JSON.parse(text) as { attempt: string }
  await send('POST', '/submit_result', `{"slave":"w","attempt":"${attempt}","result":[1e400]}`)
  t.match((await waiting).text, '"result":[1e400]')
  t.match((await send('POST', '/tasks', body, prefer)).text, '"result":[1e400]', 'and a repetition')
  const other = await send('POST', '/tasks', body.replace('1.0', '1.00'), prefer)
  t.match(other.text, /key-reused/, 'which another number is not')
})

t.test('a kind that is known here gets no number that a double cannot hold', async (t) => {
  const { send, offered } = await startTextSpeakers(t, 'memory')
  const refused: [path: string, body: string, field: string][] = [
    ['/tasks', '{"kind":"sleep","input":{"ms":1e-400}}', 'input.ms'],
    ['/tasks', '{"expression":"x","scope":{"x":1e400}}', 'scope.x'],
    ['/tasks', '{"expression":"x","scope":{"x":[0,12345678901234567890]}}', 'scope.x.1'],
    ['/tasks/batch', '{"tasks":[{"expression":"x","scope":{"x":1e400}}]}', 'tasks.0.scope.x'],
    ['/jobs', '{"kind":"range-sum","input":{"expression":"n","from":1e-400,"to":2}}', 'input.from'],
  ]
  for (const [path, body, field] of refused) {
    const { status, text } = await send('POST', path, body)
    t.equal(status, 400, body)
    t.match(JSON.parse(text).errors, [{ field, rule: /which a double cannot hold/ }], body)
  }
  t.same(offered, [])
  t.equal((await send('POST', '/tasks', '{"kind":"sleep","input":{"ms":1.0}}')).status, 202)
  t.match(offered.at(-1), '"input":{"ms":1.0}')
})

const PARTS = ['{ "words":2.0, "odd":[-0.0,1.10]}', '{"words":1}', '{"words":1e0}'] as const

for (const store of ['memory', 'sqlite'] as const) {
  t.test(`parts of jobs show results as they were written, with the store ${store}`, async (t) => {
    const { send } = await startTextSpeakers(t, store)
    const count = async (result: string): Promise<void> => {
      const { text } = await send('GET', '/get_task?kinds=word-count')
      const { task } = JSON.parse(text) as { task: string }
      const said = `{"task":"${task}","result":${result}}`
      t.equal((await send('POST', '/submit_result', said)).status, 200)
    }
    await send('GET', '/get_task?kinds=word-count&wait=0')
    const paragraphs = ['one two', 'three', 'four']
    const body = JSON.stringify({ kind: 'word-count', input: { paragraphs } })
    const { id } = JSON.parse((await send('POST', '/jobs', body)).text) as { id: string }
    const parts = async (): Promise<string> => (await send('GET', `/jobs/${id}/parts`)).text
    await count(PARTS[0])
    while (!(await parts()).includes('"result":')) await new Promise(setImmediate)
    t.match(await parts(), `"result":${PARTS[0]},`, 'while it runs')
    await count(PARTS[1])
    await count(PARTS[2])
    const ended = await send('GET', `/jobs/${id}`, undefined, { prefer: 'wait=60' })
    t.match(ended.text, '"total":4,"perParagraph":[2,1,1]')
    const after = await parts()
    for (const result of PARTS) t.match(after, `"result":${result}}`, 'and after')
  })
}
