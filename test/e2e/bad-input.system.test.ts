// Bad input over HTTP: each is a 4xx problem that names the field and the rule, and nothing is
// stored and nothing runs.

import t from 'tap'
import { PROBLEMS } from '../../shared/protocol/problems.ts'
import { folderOf } from '../folder.ts'
import type { Answer } from '../requests.ts'
import { getJson, request } from '../requests.ts'
import { startMaster, startSlave } from '../rigs/cluster/programs.ts'

const BODY_BYTES_MAX = 30_000

type Case = {
  /** What is wrong. */
  is: string
  method?: string
  path?: string
  /** JSON of a value, or a text or bytes as they are. */
  json?: unknown
  raw?: string | Uint8Array<ArrayBuffer>
  headers?: Record<string, string>
  status: number
  type: keyof typeof PROBLEMS
  /** The field that the answer names ... */
  field?: string
  /** ... and the rule: in the errors where there is a field, else in the detail. */
  rule: RegExp
}

const invalid = { status: 400, type: 'invalid-request' } as const
const notJson = { status: 400, type: 'invalid-json' } as const
const longName = 'x'.repeat(65)

const BODIES: Case[] = [
  { is: 'malformed JSON', raw: '{"expression": "1 + 1"', ...notJson, rule: /JSON/ },
  { is: 'an empty body', raw: '', ...notJson, rule: /empty/ },
  { is: 'two values', raw: '{"expression": "1"} {}', ...notJson, rule: /JSON/ },
  { is: 'NaN', raw: '{"expression": "x", "scope": {"x": NaN}}', ...notJson, rule: /JSON/ },
  {
    is: 'invalid UTF-8',
    raw: new Uint8Array([...Buffer.from('{"expression": "'), 0xff, 0xfe, 0x22, 0x7d]),
    ...notJson,
    rule: /UTF-8/,
  },
  {
    is: '__proto__',
    raw: '{"expression": "1", "__proto__": {"queue": true}}',
    ...notJson,
    rule: /JSON/,
  },
  {
    is: '__proto__ in the scope',
    raw: '{"expression": "1", "scope": {"__proto__": {"x": 1}}}',
    ...notJson,
    rule: /JSON/,
  },
  {
    is: 'constructor.prototype',
    raw: '{"expression": "1", "scope": {"constructor": {"prototype": {"x": 1}}}}',
    ...notJson,
    rule: /JSON/,
  },
  {
    is: 'a body over the limit',
    json: { expression: '1', scope: { x: 'x'.repeat(BODY_BYTES_MAX) } },
    status: 413,
    type: 'body-too-large',
    rule: /at most 30000 bytes/,
  },
  {
    is: 'another content type',
    raw: 'expression=1',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    status: 415,
    type: 'unsupported-media-type',
    rule: /application\/json/,
  },
  {
    is: 'no content type',
    raw: new Uint8Array(Buffer.from('{"expression": "1"}')),
    headers: { 'content-type': '' },
    status: 415,
    type: 'unsupported-media-type',
    rule: /application\/json/,
  },
  { is: 'a list', json: [{ expression: '1' }], ...invalid, field: 'body', rule: /object/ },
  { is: 'null', json: null, ...invalid, field: 'body', rule: /object/ },
  { is: 'nothing in it', json: {}, ...invalid, field: 'body', rule: /kind and input.*expression/ },
  {
    is: 'an expression that is a number',
    json: { expression: 1 },
    ...invalid,
    field: 'expression',
    rule: /must be string/,
  },
  {
    is: 'an empty expression',
    json: { expression: '' },
    ...invalid,
    field: 'expression',
    rule: /^must not be empty$/,
  },
  {
    is: 'a blank expression',
    json: { expression: ' \n\t ' },
    ...invalid,
    field: 'expression',
    rule: /^must not be empty$/,
  },
  {
    is: 'an over-long expression',
    json: { expression: `${'1+'.repeat(5000)}1` },
    ...invalid,
    field: 'expression',
    rule: /10000/,
  },
  {
    is: 'an unknown field',
    json: { expression: '1', expresion: '2' },
    ...invalid,
    field: 'expresion',
    rule: /is unknown/,
  },
  {
    is: 'a scope that is a list',
    json: { expression: '1', scope: [1] },
    ...invalid,
    field: 'scope',
    rule: /object/,
  },
  {
    is: 'an unknown type of number',
    json: { expression: '1', number: 'float' },
    ...invalid,
    field: 'number',
    rule: /^must be one of "number", "BigNumber", /,
  },
  {
    is: 'a queue that is a string',
    json: { expression: '1', queue: 'true' },
    ...invalid,
    field: 'queue',
    rule: /must be boolean/,
  },
  {
    is: 'a priority that is a string',
    json: { expression: '1', priority: '5' },
    ...invalid,
    field: 'priority',
    rule: /must be integer/,
  },
  {
    is: 'a priority out of bounds',
    json: { expression: '1', priority: 101 },
    ...invalid,
    field: 'priority',
    rule: /<= 100/,
  },
  {
    is: 'a run limit of 0',
    json: { expression: '1', runLimitMs: 0 },
    ...invalid,
    field: 'runLimitMs',
    rule: />= 1/,
  },
  {
    is: 'a run limit that is broken',
    json: { expression: '1', runLimitMs: 1.5 },
    ...invalid,
    field: 'runLimitMs',
    rule: /integer/,
  },
  {
    is: "a run limit above the master's",
    json: { expression: '1', runLimitMs: 1e9 },
    ...invalid,
    field: 'runLimitMs',
    rule: /<= 3600000/,
  },
  {
    is: 'a wait limit that no calendar holds',
    json: { expression: '1', queue: true, waitLimitMs: 1e300 },
    ...invalid,
    field: 'waitLimitMs',
    rule: /<= \d+/,
  },
  {
    is: 'tags that are no list',
    json: { expression: '1', tags: 'red' },
    ...invalid,
    field: 'tags',
    rule: /array/,
  },
  {
    is: 'a tag that is too long',
    json: { expression: '1', tags: ['ok', longName] },
    ...invalid,
    field: 'tags.1',
    rule: /64/,
  },
  {
    is: 'a kind without an input',
    json: { kind: 'sleep' },
    ...invalid,
    field: 'input',
    rule: /missing/,
  },
  {
    is: 'a kind and an expression',
    json: { kind: 'sleep', expression: '1' },
    ...invalid,
    field: 'expression',
    rule: /is unknown/,
  },
  {
    is: 'an input with a number as a string',
    json: { kind: 'sleep', input: { ms: '5' } },
    ...invalid,
    field: 'input.ms',
    rule: /must be number/,
  },
  {
    is: 'an input out of bounds',
    json: { kind: 'sleep', input: { ms: -1 } },
    ...invalid,
    field: 'input.ms',
    rule: />= 0/,
  },
  {
    is: 'an input with an unknown field',
    json: { kind: 'sleep', input: { ms: 1, s: 1 } },
    ...invalid,
    field: 'input.s',
    rule: /is unknown/,
  },
  {
    is: 'a kind that is no name',
    json: { kind: '../sleep', input: {} },
    ...invalid,
    field: 'kind',
    rule: /must be a name of up to 64/,
  },
  {
    is: 'an unknown kind',
    json: { kind: 'slep', input: {} },
    status: 422,
    type: 'unknown-kind',
    rule: /"slep".*known kinds are: command, expression, range-sum, sleep, word-count/,
  },
  {
    is: 'a kind that works on files, without any',
    json: { kind: 'image-filter.sepia', input: {} },
    status: 422,
    type: 'unknown-kind',
    rule: /needs "files", or runs as a part of a job/,
  },
  {
    is: 'an unknown query parameter',
    path: '/tasks?dryrun',
    json: { expression: '1' },
    ...invalid,
    field: 'dryrun',
    rule: /is unknown/,
  },
  {
    is: 'an Idempotency-Key that is too long',
    json: { expression: '1' },
    headers: { 'idempotency-key': 'k'.repeat(256) },
    ...invalid,
    field: 'Idempotency-Key',
    rule: /1 to 255/,
  },
  {
    is: 'an empty Idempotency-Key',
    json: { expression: '1' },
    headers: { 'idempotency-key': '' },
    ...invalid,
    field: 'Idempotency-Key',
    rule: /1 to 255/,
  },
]

const BATCHES: Case[] = [
  { is: 'a batch that is a list', json: [], ...invalid, field: 'body', rule: /"tasks"/ },
  { is: 'a batch of none', json: { tasks: [] }, ...invalid, field: 'tasks', rule: /1 to 20/ },
  {
    is: 'a batch of too many',
    json: { tasks: Array.from({ length: 21 }, () => ({ expression: '1' })) },
    ...invalid,
    field: 'tasks',
    rule: /1 to 20/,
  },
  {
    is: 'a batch with something beside',
    json: { tasks: [{ expression: '1' }], queue: true },
    ...invalid,
    field: 'body',
    rule: /"tasks"/,
  },
  {
    is: 'a batch whose second is bad',
    json: { tasks: [{ expression: '1' }, { kind: 'sleep', input: { ms: '5' } }] },
    ...invalid,
    field: 'tasks.1.input.ms',
    rule: /must be number/,
  },
  {
    is: 'a batch with an unknown kind',
    json: { tasks: [{ expression: '1' }, { kind: 'slep', input: {} }] },
    status: 422,
    type: 'unknown-kind',
    field: 'tasks.1.kind',
    rule: /must be a known kind/,
  },
  {
    is: 'a batch with null',
    json: { tasks: [null] },
    ...invalid,
    field: 'tasks.0',
    rule: /object/,
  },
].map((one) => ({ path: '/tasks/batch', ...one }) as Case)

const READS: Case[] = [
  {
    is: 'an unknown status',
    path: '/tasks?status=running',
    field: 'status',
    rule: /^must be one of .*"done"/,
  },
  { is: 'a limit that is no number', path: '/get-tasks?limit=x', field: 'limit', rule: /integer/ },
  { is: 'a limit of 0', path: '/get-tasks?limit=0', field: 'limit', rule: />= 1/ },
  { is: 'a limit above all bounds', path: '/tasks?limit=1001', field: 'limit', rule: /<= 1000/ },
  { is: 'two limits', path: '/tasks?limit=1&limit=2', field: 'limit', rule: /integer/ },
  { is: 'an unknown filter', path: '/tasks?state=done', field: 'state', rule: /is unknown/ },
  { is: 'a long filter', path: `/tasks?tag=${longName}`, field: 'tag', rule: /64/ },
  {
    is: 'a long cursor',
    path: `/tasks?cursor=${longName}`,
    field: 'cursor',
    rule: /must be the value of "next"/,
  },
  {
    is: 'a cursor that is none',
    path: '/tasks?cursor=xyz',
    field: 'cursor',
    rule: /must be the value of "next"/,
  },
  {
    is: 'the same of jobs',
    path: '/jobs?cursor=xyz',
    field: 'cursor',
    rule: /must be the value of "next"/,
  },
].map((one) => ({ method: 'GET', ...invalid, ...one }))

const ADDRESSES: Case[] = [
  {
    is: 'an unknown task',
    method: 'GET',
    path: '/tasks/nobody',
    status: 404,
    type: 'no-such-task',
    rule: /nobody/,
  },
  {
    is: 'the trail of an unknown task',
    method: 'GET',
    path: '/tasks/nobody/trail',
    status: 404,
    type: 'no-such-task',
    rule: /nobody/,
  },
  {
    is: 'to cancel an unknown task',
    method: 'DELETE',
    path: '/tasks/nobody',
    status: 404,
    type: 'no-such-task',
    rule: /nobody/,
  },
  {
    is: 'to retry an unknown task',
    path: '/tasks/nobody/retry',
    status: 404,
    type: 'no-such-task',
    rule: /nobody/,
  },
  {
    is: 'an id that is too long',
    method: 'GET',
    path: `/tasks/${longName}`,
    ...invalid,
    field: 'id',
    rule: /64/,
  },
  {
    is: 'an unknown slave',
    path: '/slaves/nobody/drain',
    status: 404,
    type: 'no-such-slave',
    rule: /nobody/,
  },
  {
    is: 'an unknown address',
    method: 'GET',
    path: '/task',
    status: 404,
    type: 'not-found',
    rule: /GET \/task/,
  },
  {
    is: 'a wrong method',
    method: 'PUT',
    path: '/tasks',
    json: { expression: '1' },
    status: 405,
    type: 'method-not-allowed',
    rule: /PUT/,
  },
  {
    is: 'an address that is not encoded right',
    method: 'GET',
    path: '/tasks/%zz',
    ...invalid,
    rule: /%zz/,
  },
  {
    is: 'an address that is far too long',
    method: 'GET',
    path: `/tasks/${'x'.repeat(300)}`,
    status: 404,
    type: 'not-found',
    rule: /./,
  },
]

const headersOf = ({ json, raw, headers = {} }: Case): Record<string, string> => ({
  ...(json === undefined && raw === undefined ? {} : { 'content-type': 'application/json' }),
  ...headers,
})

/** What the answer says that is wrong, and what would be right. */
function ruleIn({ body }: Answer, { field }: Case): string | undefined {
  if (field === undefined) return body.detail
  const errors = body.errors as { field: string; rule: string }[] | undefined
  return errors?.find((error) => error.field === field)?.rule
}

t.test('bad input', async (t) => {
  const limits = ['--input-bytes-max', `${BODY_BYTES_MAX}`, '--batch-tasks-max', '20']
  const { url } = await startMaster(t, folderOf(t), limits)
  await startSlave(t, url, 'slave-1', ['--slots', '20'])

  for (const one of [...BODIES, ...BATCHES, ...READS, ...ADDRESSES]) {
    await t.test(`refuses ${one.is}`, async (t) => {
      const { method = 'POST', path = '/tasks', json, raw } = one
      const body = raw ?? (json === undefined ? undefined : JSON.stringify(json))
      const answer = await request(method, url + path, body, headersOf(one))
      t.match(answer, { status: one.status, body: { type: one.type, status: one.status } })
      t.match(answer.headers.get('content-type'), /^application\/problem\+json/)
      t.ok(answer.body.type in PROBLEMS && answer.body.title)
      t.match(ruleIn(answer, one), one.rule)
      t.notMatch(answer.body.detail, /node_modules|\.ts:/)
    })
  }

  await t.test('takes a preference that it does not know as none (RFC 7240)', async (t) => {
    const json = { 'content-type': 'application/json' }
    for (const prefer of ['wait=soon', 'wait=-1', 'wait', 'respond-async', 'awaited=3']) {
      const answer = await request('POST', `${url}/tasks?dry-run`, '{"expression": "1"}', {
        ...json,
        prefer,
      })
      t.equal(answer.status, 200)
      t.equal(answer.headers.get('preference-applied'), null)
    }
  })

  await t.test('stores nothing, asks nobody and runs nothing', async (t) => {
    t.same((await getJson(`${url}/get-tasks`)).tasks, [])
    const { counters, tasks, running, waiting } = await getJson(`${url}/status`)
    t.match(counters, { accepted: 0, asks: 0 })
    t.match({ running, waiting }, { running: 0, waiting: 0 })
    t.ok(Object.values(tasks).every((count) => count === 0))
  })
})
