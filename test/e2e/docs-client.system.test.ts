// A client that is made of the OpenAPI document runs the tour on a real master and slave; every answer
// is held against what the document says of it.

import { OpenAPIClientAxios } from 'openapi-client-axios'
import t from 'tap'
import { createCheck } from '../../shared/http/validate.ts'
import { folderOf } from '../folder.ts'
import type { Answer, Json } from '../requests.ts'
import { getJson, post } from '../requests.ts'
import { startMaster, startSlave } from '../rigs/cluster/programs.ts'
import { isRoot } from '../slave/commands/commanded-slave.ts'
import { operationsIn, readDocument } from './openapi-document.ts'

t.test('a client that is made of the document', async (t) => {
  const master = await startMaster(t, folderOf(t))
  const commands = ['--commands', 'sh', ...(isRoot ? ['--commands-user', 'nobody'] : [])]
  await startSlave(t, master.url, 'slave-1', ['--slots', '2', ...commands])
  const definition = await getJson(`${master.url}/docs/openapi.json`)
  const { responsesOf, examples } = readDocument(definition)
  const api = new OpenAPIClientAxios({
    definition,
    axiosConfigDefaults: { baseURL: master.url, validateStatus: () => true },
  })
  const client = (await api.init()) as Json
  // What sends no body must not say of what type it is: axios does by itself.
  client.interceptors.request.use((config: Json) => {
    if (config.data === undefined || config.data === null) config.headers.setContentType(false)
    return config
  })
  const called = new Set<string>()
  const headers = { prefer: 'wait=60' }

  /** Calls an operation by its name, and holds the answer against the document. */
  async function call(name: string, wanted: number, ...args: unknown[]): Promise<Json> {
    const { status, data, headers } = await client[name](...args)
    called.add(name)
    t.equal(status, wanted, `${name} gives ${wanted}`)
    const type = String(headers['content-type']).split(';')[0] as string
    const mistakes = responsesOf(name).mistakes(status, type, data)
    t.same(mistakes, [], `${name} gives what is documented`)
    return data
  }

  /** A stream has no end: its beginning is held against the document. */
  async function follow(name: string): Promise<void> {
    const leave = new AbortController()
    const { path } = responsesOf(name)
    const { status, headers } = await fetch(`${master.url}${path}`, { signal: leave.signal })
    const type = String(headers.get('content-type')).split(';')[0] as string
    t.same(responsesOf(name).mistakes(status, type, ''), [], name)
    called.add(name)
    leave.abort()
  }

  t.test('runs the tour', async (t) => {
    const done = await call('submitTask', 200, null, { expression: '2 + 3' }, { headers })
    t.match(done, { status: 'done', result: 5, slave: 'slave-1' })
    const accepted = await call('submitTask', 202, null, { expression: '6 * 7', queue: true })
    t.match(await call('readTask', 200, { id: accepted.id }, null, { headers }), { result: 42 })
    await call('readTrail', 200, { id: done.id })
    t.same(await call('listTaskFiles', 200, { id: done.id }), { files: [] })
    await call('readTaskFile', 404, { id: done.id, path: 'none' })
    await call('cancelTask', 409, { id: done.id })
    await call('retryTask', 200, { id: done.id }, null, { headers })
    await call('readTask', 404, { id: '01990000-0000-7000-8000-000000000000' })
    await call('submitTask', 200, { 'dry-run': '' }, { expression: '1' })
    await call('submitTask', 422, null, { kind: 'nonsense', input: {} })
    t.equal((await call('getTasks', 200, { limit: 2 })).tasks.length, 2)
    await call('listTasks', 200, { status: 'done', kind: 'expression' })
    await call('listTasks', 400, { limit: 0 })
    await call('submitTasks', 200, null, { tasks: [{ expression: '1' }, { expression: '1/0' }] })

    const job = await call('submitJob', 200, null, examples('submitJob')['word-count'], { headers })
    await call('readJob', 200, { id: job.id })
    await call('readParts', 200, { id: job.id })
    await call('readResult', 200, { id: job.id })
    await call('cancelJob', 409, { id: job.id })
    await call('listJobs', 200, { limit: 5 })
    const bytes = { headers: { 'content-type': 'application/octet-stream' } }
    const { sha256 } = await call('putBlob', 201, null, 'ask first', bytes)
    t.equal(await call('readBlob', 200, { sha256 }), 'ask first')

    const { slaves } = await call('listSlaves', 200)
    t.match(slaves, [
      { features: ['files', 'outputs', 'commands'], commands: { programs: ['sh'] } },
    ])
    const input = { program: 'sh', args: ['-c', 'cp in/a out.txt; exit $CODE'] }
    const program = {
      kind: 'command',
      input: { ...input, env: { CODE: '0' }, secretEnv: { TOKEN: 'x' } },
      files: { 'in/a': { sha256 } },
      outputs: ['*.txt'],
      attemptsMax: 2,
      retryOn: [75],
    }
    const ran = await call('submitTask', 200, null, program, { headers })
    t.match(ran, { status: 'done', result: { exitCode: 0 }, files: [{ name: 'out.txt', sha256 }] })
    const { secretEnv: _, ...shown } = program.input
    const inputFiles = { 'in/a': { sha256, bytes: 9 } }
    const said = { input: shown, inputFiles, outputs: ['*.txt'], attemptsMax: 2, retryOn: [75] }
    t.match(await call('readTask', 200, { id: ran.id }), said)
    const { files } = await call('listTaskFiles', 200, { id: ran.id })
    t.match(files, [{ name: 'out.txt', bytes: 9, sha256 }])
    const path = { id: ran.id, path: 'out.txt' }
    t.equal(await call('readTaskFile', 200, path), 'ask first')
    const failing = { ...program, input: { ...input, env: { CODE: '3' } } }
    const failed = await call('submitTask', 200, null, failing, { headers })
    const failure = { type: 'exit-code', exitCode: 3, signal: null }
    t.match(failed, { status: 'failed', failure, result: { exitCode: 3 }, files: [{ sha256 }] })
    const none = { kind: 'command', input: { program: 'ffmpeg' } }
    t.match(await call('submitTask', 422, null, none), { detail: /does not run "ffmpeg"/ })

    await call('drainSlave', 200, { name: 'slave-1' })
    await call('submitTask', 503, null, { expression: '1' })
    await call('resumeSlave', 200, { name: 'slave-1' })
    await call('forgetSlave', 409, { name: 'slave-1' })
    await call('listKinds', 200)
    await call('readStatus', 200)
    await call('readMetrics', 200)
    await call('isUp', 200)
    await call('isReady', 200)
    await call('poll', 204, { slave: 'simple-1', kinds: 'nothing', wait: 0 })
    await call('readSession', 200)
    // Without identities there is nobody to sign in, and nothing to join.
    for (const name of ['readAuthority', 'signOut', 'renew', 'join']) await call(name, 404)
    await call('signIn', 404, null, { key: 'x' })
    const wire = ['registerSlave', 'beat', 'callBack', 'submitResult']
    const streams = ['followEvents', 'followOverview']
    for (const name of streams) await follow(name)
    const missing = operationsIn(definition)
      .map(({ operation }) => operation.operationId as string)
      .filter((name) => !called.has(name) && !wire.includes(name))
    t.same(missing, [], 'all of them, but what slaves say (which the conformance kit holds)')
  })

  t.test('says what the input of a program may be, with its secret variables', async (t) => {
    const { schema } = definition.paths['/tasks'].post.requestBody.content['application/json']
    const form = schema.anyOf.find((each: Json) => each.properties.kind?.const === 'command')
    const { input, files, outputs, attemptsMax, retryOn } = form.properties
    t.ok(files && outputs && attemptsMax && retryOn)
    t.same(Object.keys(input.properties), ['program', 'args', 'stdin', 'env', 'secretEnv'])
    const { fits } = createCheck(input)
    t.ok(fits({ program: 'sh', secretEnv: { TOKEN: 'x' } }))
    t.notOk(fits({ program: 'sh', secretEnv: { '1X': 'x' } }))
    t.notOk(fits({ program: 'sh', secret: {} }))
  })

  t.test('takes every example, and they are of all operations that have a body', async (t) => {
    for (const [name, path] of [
      ['submitTask', '/tasks'],
      ['submitTasks', '/tasks/batch'],
      ['submitJob', '/jobs'],
    ] as const) {
      const all = Object.entries(examples(name))
      t.ok(all.length > 0, name)
      for (const [title, body] of all) {
        const answer: Answer = await post(`${master.url}${path}`, body, headers)
        t.equal(answer.status, 200, `${name}, ${title}`)
        t.same(responsesOf(name).mistakes(200, 'application/json', answer.body), [])
        t.not(answer.body.status, 'failed', title)
        t.ok(responsesOf(name).takes(body), `${title} fits the schema of the body`)
      }
      t.notOk(responsesOf(name).takes({ nonsense: 1 }), 'and not everything does')
    }
  })
})
