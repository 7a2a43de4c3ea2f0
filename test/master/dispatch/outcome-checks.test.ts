// What slaves hand in, by every route on which they can: results that their kinds do not give, and
// files that are at the address of another.

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import t from 'tap'
import type { Reach } from '../../../master/core/reach.ts'
import { reachAt } from '../../../master/core/reach.ts'
import type { Registry } from '../../../master/core/registry.ts'
import type { Slave, Task } from '../../../master/core/state.ts'
import { createOutcomeChecks } from '../../../master/dispatch/outcome-checks.ts'
import { createOutputs } from '../../../master/dispatch/output-schemas.ts'
import { Raw } from '../../../shared/data/raw-json.ts'
import { loadKinds } from '../../../shared/kinds/load-kinds.ts'
import type { Offer, Outcome, OutputFile } from '../../../shared/protocol/wire.ts'
import { startQuietMaster } from '../../quiet-master.ts'
import type { Json } from '../../requests.ts'

const ELSEWHERE = 'http://127.0.0.1:1'
const SHA = 'a'.repeat(64)
const kinds = await loadKinds()
const outputs = createOutputs(kinds)

/** The one function, with these slaves and one live task `t1` of a kind. */
function handing(kind = 'sleep', named = new Map<string, string>()) {
  const at = (reach: Reach) => ({ reach, held: new Map() }) as unknown as Slave
  const byName = new Map([
    ['a', at({ by: 'http', url: 'http://10.0.0.1:9001' })],
    ['b', at({ by: 'http', url: 'http://[fd00::1]:9001' })],
    ['polls', at(reachAt({ by: 'poll' }))],
  ])
  return createOutcomeChecks({
    registry: { byName } as unknown as Registry,
    live: new Map([['t1', { id: 't1', kind } as Task]]),
    outputs,
    named,
  })
}

const state = (slave: string) => ({
  slave,
  boot: 'b',
  generation: 1,
  slots: 1,
  free: 1,
  mode: 'accepting' as const,
  reason: '',
})
const fileAt = (url: string): OutputFile => ({ name: 'f', bytes: 1, sha256: SHA, url })

/** What comes of an outcome in the long form and in the short one, which must be the same. */
function both(h: ReturnType<typeof handing>, slave: string, outcome: Outcome) {
  const callback = { attempt: 'x', task: 't1', outcome, ranMs: 1 }
  const ways = [
    () => h.callbacks({ state: state(slave), callbacks: [callback] }).callbacks[0]?.outcome,
    () => h.submitted({ by: 'attempt', slave, attempt: 'x', task: 't1', outcome }).outcome,
  ]
  return ways.map((way) => {
    try {
      return way()
    } catch (error) {
      return (error as Error).message.replace('callbacks.0.outcome.', '')
    }
  })
}

const done = (result: unknown, files?: OutputFile[]): Outcome => ({
  status: 'done',
  result,
  ...(files ? { files } : {}),
})
const slept = (...urls: string[]): Outcome => done({ sleptMs: 1 }, urls.map(fileAt))

t.test('a file is at the address where its slave registered, and nowhere else', async (t) => {
  const h = handing()
  const mine = 'http://10.0.0.1:9001/partitions/j/t/f'
  for (const outcome of both(h, 'a', slept(mine, mine.replace('http://', 'HTTP:\\\\')))) {
    t.match(outcome, { files: [{ url: mine }, { url: mine }] }, 'written in one way only')
  }
  for (const outcome of both(h, 'b', slept('http://[FD00:0::1]:9001/x')))
    t.match(outcome, { files: [{ url: 'http://[fd00::1]:9001/x' }] })
  const others = [
    'http://127.0.0.1:9001/x',
    'http://10.0.0.1:9002/x',
    'http://10.0.0.1/x',
    'https://10.0.0.1:9001/x',
    'http://10.0.0.1:9001@127.0.0.1/x',
    'http://10.0.0.1:9001\\@127.0.0.1/x',
    'http://a:b@10.0.0.1:9001/x',
    'http://10.0.0.1.example:9001/x',
    'http://10.0.0.12:9001/x',
    '//10.0.0.1:9001/x',
    '/blobs/x',
    'file:///etc/passwd',
    'unix:/run/x.sock',
    '',
  ]
  for (const url of others) {
    for (const outcome of both(h, 'a', slept(mine, url))) {
      if (typeof outcome === 'string') t.match(outcome, /^files\.1\.url must be .*10\.0\.0\.1:9001/)
      // A backslash is a slash in a URL: this one leads to the slave itself, and is written so.
      else t.match(outcome, { files: [{}, { url: /^http:\/\/10\.0\.0\.1:9001\/@127/ }] }, url)
    }
  }
})

t.test('a slave that polls, or that nobody knows, keeps no files for peers', async (t) => {
  const h = handing()
  for (const said of both(h, 'polls', slept('http://10.0.0.1:9001/x')))
    t.match(said, /polling slave.*PUT/)
  for (const said of both(h, 'nobody', slept('http://10.0.0.1:9001/x')))
    t.match(said, /no slave "nobody"/)
  for (const slave of ['polls', 'nobody', 'a']) {
    for (const outcome of both(
      h,
      slave,
      done({ sleptMs: 1 }, [{ name: 'f', bytes: 1, sha256: SHA }]),
    ))
      t.match(outcome, { files: [{ sha256: SHA }] }, 'a blob is at the master')
  }
  for (const said of both(h, 'a', done({ sleptMs: 1 }, [{ name: 'f', bytes: 1 }])))
    t.match(said, /^files\.0\.sha256 is missing/)
})

t.test('of a slave that the settings name, the file is where the master reaches it', async (t) => {
  const h = handing('sleep', new Map([['a', 'http://10.0.0.1:9001']]))
  for (const outcome of both(h, 'a', slept('http://vm-1:9001/partitions/x')))
    t.match(outcome, { files: [{ url: 'http://10.0.0.1:9001/partitions/x' }] })
})

t.test('what is not the result of its kind is a failure that names the field', async (t) => {
  const wrong: [kind: string, result: unknown, field: RegExp][] = [
    ['word-count', { count: 2 }, /result\.words is missing/],
    ['word-count', { words: -1 }, /result\.words/],
    ['word-count', { words: '2' }, /result\.words/],
    ['word-count', { words: 1.5 }, /result\.words/],
    ['word-count', null, /result/],
    ['sleep', {}, /result\.sleptMs is missing/],
    ['sleep', { sleptMs: Number.POSITIVE_INFINITY }, /result\.sleptMs/],
    ['range-sum', { n: 1, d: '2' }, /result\.n/],
  ]
  for (const [kind, result, field] of wrong) {
    for (const outcome of both(handing(kind), 'a', done(result))) {
      t.match(outcome, { status: 'failed', type: 'invalid-result', message: field })
    }
  }
})

t.test('what a kind gives is a result of that kind, of each', async (t) => {
  for (const { name, examples } of kinds.values()) {
    for (const { output } of examples) {
      const [long, short] = both(handing(name), 'a', { status: 'done', ...output })
      t.equal((long as Outcome).status, 'done', name)
      t.same(short, long)
    }
    const nonsense = both(handing(name), 'a', done('nonsense'))
    if (name !== 'expression') t.match(nonsense, [{ type: 'invalid-result' }], name)
  }
})

t.test('a number by itself is the result of a kind that gives one number', async (t) => {
  const bare = (kind: string, text: string) => {
    const said = { by: 'task' as const, slave: null, task: 't1', outcome: done(new Raw(text)) }
    return handing(kind).submitted(said).outcome as unknown as { result: Raw; type: string }
  }
  for (const text of ['0', '7', '7.0', '7e1']) {
    t.equal(bare('word-count', text).result.text, `{"words":${text}}`, 'as it was written')
  }
  for (const text of ['-1', '1.5', '1e400', '"7"', 'null', 'true', '[7]']) {
    t.equal(bare('word-count', text).type, 'invalid-result', text)
  }
  t.equal(bare('expression', '7').result.text, '7')
  t.equal(bare('sleep', '7').type, 'invalid-result', 'this kind gives an object')
})

t.test('every kind that may be handed in as a number by itself gives one', async (t) => {
  for (const { name, bare, examples } of kinds.values()) {
    if (bare === undefined) continue
    for (const { output } of examples) t.type((output.result as Json)[bare], 'number', name)
  }
})

/** Routes of slaves. What comes with `outcomes` of them passes the one function; nothing does elsewhere. */
const ROUTES: Record<string, 'outcomes' | 'nothing'> = {
  'POST /callbacks': 'outcomes',
  'POST /submit_result': 'outcomes',
  'POST /slaves': 'nothing',
  'POST /slaves/:name/heartbeat': 'nothing',
  'DELETE /slaves/:name': 'nothing',
  'GET /get_task': 'nothing',
  'POST /renew': 'nothing',
  // Bytes, which are named by what they are.
  'PUT /blobs': 'nothing',
  'GET /blobs/:sha256': 'nothing',
}

/** A master, and a slave that takes what it is offered and says nothing more by itself. */
async function setUp(t: Test) {
  const master = await startQuietMaster(t)
  const card = { name: 'a', boot: 'b', version: '1', tags: [], slots: 8 }
  const slaveCard = { ...card, kinds: ['sleep', 'word-count'] }
  const offers: Offer[] = []
  const self = { ...state('a'), slots: 8, free: 8 }
  const slave = createServer((request, response) => {
    let text = ''
    request.on('data', (chunk: Buffer) => {
      text += chunk
    })
    request.on('end', () => {
      const asked = text === '' ? [] : (JSON.parse(text).offers as Offer[])
      offers.push(...asked)
      const answers = asked.map(({ attempt }) => ({ attempt, answer: 'taken', reason: '' }))
      const said = { card: slaveCard, state: self, attempts: [], answers }
      response.setHeader('content-type', 'application/json').end(JSON.stringify(said))
    })
  }).listen(0, '127.0.0.1')
  await once(slave, 'listening')
  t.teardown(() => slave.close())
  const url = `http://127.0.0.1:${(slave.address() as AddressInfo).port}`
  const send = async (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Json> => {
    const init = { method, headers: { ...headers, 'content-type': 'application/json' } }
    const given = body === undefined ? { method, headers } : { ...init, body: JSON.stringify(body) }
    const answer = await fetch(`${master.url}${path}`, given)
    const text = await answer.text()
    return { status: answer.status, body: text.startsWith('{') ? JSON.parse(text) : text }
  }
  t.equal((await send('POST', '/slaves', { ...slaveCard, url })).status, 200)
  /** A task that the slave runs. */
  const run = async (kind: string, input: unknown): Promise<Offer> => {
    await send('POST', '/tasks', { kind, input })
    return offers.at(-1) as Offer
  }
  return { master, url, send, run, self, offers }
}

type Message = { state: unknown; callbacks: unknown[] }

/** An outcome in every form that a slave could try. */
function formsOf(self: unknown, { attempt, task }: Offer, outcome: Outcome) {
  const { status: _, ...fields } = outcome
  const long: Message = { state: self, callbacks: [{ attempt, task, outcome, ranMs: 1 }] }
  const short = { slave: 'a', attempt, task, ...fields }
  return { long, short, everything: { ...long, ...short, attempts: [], name: 'a' } }
}

t.test('every route on which a slave can hand something in checks it', async (t) => {
  const { master, url, send, run, self } = await setUp(t)
  const ofSlaves = master
    .routeTable()
    .filter(({ method, contract: { access } }) => method !== 'HEAD' && !access.open && access.slave)
    .map(({ method, path }) => `${method} ${path}`)
  const walked = Object.keys(ROUTES)
  t.same(ofSlaves.toSorted(), walked.toSorted(), 'a new route of slaves needs a line in ROUTES')

  const offer = await run('sleep', { ms: 1 })
  for (const route of ofSlaves.filter((route) => route !== 'DELETE /slaves/:name')) {
    const [method = '', path = ''] = route.split(' ')
    const where = path.replace(':name', 'a').replace(':sha256', SHA)
    const query = path === '/get_task' ? `?slave=w&kinds=none&wait=0&files=${ELSEWHERE}` : ''
    const forms = formsOf(self, offer, slept(`${ELSEWHERE}/x`))
    for (const [form, body] of Object.entries(forms)) {
      const { status } = await send(method, where + query, method === 'GET' ? undefined : body)
      if (ROUTES[route] === 'outcomes') t.equal(status, 400, `${route} ${form}`)
      const task = (await send('GET', `/tasks/${offer.task}`)).body
      t.equal(task.status, 'in progress', `${route} ${form}`)
      t.notMatch(JSON.stringify(task), ELSEWHERE)
    }
  }
  const outcomes = ofSlaves.filter((route) => ROUTES[route] === 'outcomes')
  for (const route of outcomes) {
    for (const form of ['long', 'short'] as const) {
      if (route === 'POST /callbacks' && form === 'short') continue
      const path = route.slice('POST '.length)
      const right = await run('sleep', { ms: 1 })
      await send('POST', path, formsOf(self, right, slept(`${url}/x`))[form])
      const task = (await send('GET', `/tasks/${right.task}`)).body
      t.match(task, { status: 'done', files: [{ url: `${url}/x` }] }, `${route} ${form}`)
      const wrong = await run('word-count', { text: 'two words' })
      await send('POST', path, formsOf(self, wrong, done({ count: 2 }))[form])
      const failed = (await send('GET', `/tasks/${wrong.task}`)).body
      const failure = { type: 'invalid-result', message: /result\.words is missing/ }
      t.match(failed, { status: 'failed', failure }, `${route} ${form}`)
    }
  }
})

t.test('a job does not combine what is not a result', async (t) => {
  const { send, self, offers } = await setUp(t)
  const input = { text: 'Two words.\n\nThree more words.' }
  const { body: job } = await send('POST', '/jobs', { kind: 'word-count', input })
  while (offers.length < 2) await new Promise(setImmediate)
  for (const [i, offer] of offers.entries()) {
    const result = i === 0 ? { words: 2 } : { count: 3 }
    await send('POST', '/callbacks', formsOf(self, offer, done(result)).long)
  }
  const response = await send('GET', `/jobs/${job.id}`, undefined, { prefer: 'wait=60' })
  const failure = { type: 'invalid-result', message: /part 2 of 2.*result\.words is missing/ }
  t.match(response.body, { status: 'failed', failure })
  t.notOk('result' in response.body)
})

t.test('a file whose name leads out of its folder is refused', async (t) => {
  const h = handing()
  for (const name of ['../f', '/f', 'a//f', 'a/..']) {
    const outcome = done({ sleptMs: 1 }, [{ name, bytes: 1, sha256: SHA }])
    for (const said of both(h, 's1', outcome)) t.match(said, /files\.0\.name/, name)
  }
})
