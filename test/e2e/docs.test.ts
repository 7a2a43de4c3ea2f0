// The OpenAPI document: valid, whole, and true. A client that is made of it runs the tour on a real
// master and slave; every answer is held against what the document says of it.

import { Validator } from '@seriousme/openapi-schema-validator'
import { OpenAPIClientAxios } from 'openapi-client-axios'
import t from 'tap'
import type { TSchema } from 'typebox'
import { startMaster as startInProcess } from '../../master/app.ts'
import { identityDocs } from '../../master/http/openapi/identity.ts'
import { jobDocs } from '../../master/http/openapi/jobs.ts'
import { slaveDocs } from '../../master/http/openapi/slaves.ts'
import { taskDocs } from '../../master/http/openapi/tasks.ts'
import { watchingDocs } from '../../master/http/openapi/watching.ts'
import { MasterSettings } from '../../master/settings.ts'
import { createCheck } from '../../shared/http/validate.ts'
import { readSettings } from '../../shared/process/settings.ts'
import { PROBLEMS } from '../../shared/protocol/problems.ts'
import type { Answer, Json } from './processes.ts'
import { folderOf, getJson, post, startMaster, startSlave } from './processes.ts'

/** Shows the document, or is the page, and is not in it. */
const isDocs = (route: string): boolean => /^\w+ (\/docs.*|\/|\/page\/\*)$/.test(route)

t.test('the document', async (t) => {
  const argv = ['--port', '0', '--store', 'memory', '--log-level', 'silent']
  const settings = readSettings(MasterSettings, { argv, env: {} })
  if (typeof settings === 'string') throw new Error(settings)
  const master = await startInProcess(settings)
  t.teardown(() => master.close())
  const document = await getJson(`${master.url}/docs/openapi.json`)
  const documented = operationsIn(document)

  t.test('is valid OpenAPI 3.1', async (t) => {
    const { valid, errors } = await new Validator().validate(structuredClone(document))
    t.ok(valid, JSON.stringify(errors))
    t.equal(document.openapi, '3.1.0')
    const broken = structuredClone(document)
    broken.paths['/tasks'].post.responses = 7
    t.notOk((await new Validator().validate(broken)).valid, 'and not everything is')
  })

  t.test('has every route, and the reverse', async (t) => {
    const routes = master.routes().filter((route) => !isDocs(route) && !route.startsWith('HEAD '))
    t.ok(routes.length > 20)
    t.same(documented.map(({ route }) => route).toSorted(), routes.toSorted())
    const rows = {
      ...taskDocs({}, {}, 1),
      ...jobDocs({}, {}),
      ...slaveDocs,
      ...watchingDocs,
      ...identityDocs,
    }
    const dead = Object.keys(rows).filter((row) => !routes.includes(row))
    t.same(dead, [], 'no row without a route')
  })

  t.test('says of every route what it does, takes and gives', async (t) => {
    const lacking = documented.filter(
      ({ operation }) =>
        !operation.summary ||
        !operation.operationId ||
        !('200' in ok(operation) || '201' in ok(operation)),
    )
    t.same(
      lacking.map(({ route }) => route),
      [],
    )
    const ids = documented.map(({ operation }) => operation.operationId)
    t.equal(new Set(ids).size, ids.length, 'each by a name of its own')
  })

  t.test('documents every problem type', async (t) => {
    const text = JSON.stringify(documented.map(({ operation }) => operation.responses))
    t.same(
      Object.keys(PROBLEMS).filter((type) => !text.includes(`\`${type}\`: `)),
      [],
    )
  })

  t.test('is shown by a page that loads nothing from anywhere else', async (t) => {
    const page = await fetch(`${master.url}/docs`)
    t.match(page.headers.get('content-security-policy'), "default-src 'none'; script-src 'self'")
    const html = await page.text()
    t.notMatch(html, /(src|href)="(https?:)?\/\//)
    t.notMatch(html, /<script(?![^>]*\bsrc=)/, 'no script inline')
    for (const [, path] of html.matchAll(/(?:src|href)="([^"]+\.(?:js|css))"/g)) {
      const asset = await fetch(new URL(path as string, `${master.url}/docs/`))
      t.equal(asset.status, 200, `${path}`)
      await asset.body?.cancel()
    }
  })
})

t.test('a client that is made of the document', async (t) => {
  const master = await startMaster(t, folderOf(t))
  await startSlave(t, master.url, 'slave-1', ['--slots', '2'])
  const definition = await getJson(`${master.url}/docs/openapi.json`)
  const { responsesOf, examples } = read(definition)
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

    await call('listSlaves', 200)
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

type Row = { route: string; operation: Json }

const operationsIn = (document: Json): Row[] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods as Json).map(([method, operation]) => ({
      route: `${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ':$1')}`,
      operation: operation as Json,
    })),
  )

const ok = ({ responses }: Json): Json =>
  Object.fromEntries(Object.entries(responses).filter(([status]) => status.startsWith('2')))

/** Reads a document as its client does, by the names of operations. */
function read(document: Json) {
  const byName = new Map(operationsIn(document).map((row) => [row.operation.operationId, row]))
  const whole = (schema: Json): Json =>
    JSON.parse(JSON.stringify(schema), (_key, value) =>
      typeof value?.$ref === 'string'
        ? document.components.schemas[value.$ref.split('/').at(-1)]
        : value,
    )
  const operationOf = (name: string): Json => byName.get(name)?.operation

  return {
    examples(name: string): Record<string, unknown> {
      const { examples } = operationOf(name).requestBody.content['application/json']
      return Object.fromEntries(
        Object.entries(examples as Json).map(([title, { value }]: [string, Json]) => [
          title,
          value,
        ]),
      )
    },
    responsesOf(name: string) {
      const { responses, requestBody } = operationOf(name)
      return {
        path: byName.get(name)?.route.split(' ')[1],
        takes(body: unknown): boolean {
          const { schema } = requestBody.content['application/json']
          return createCheck(whole(schema) as TSchema).fits(body)
        },
        mistakes(status: number, type: string, body: unknown): unknown[] {
          const response = responses[String(status)]
          if (!response) return [`${status} is not documented`]
          if (!response.content) return body === '' ? [] : ['a body where none is documented']
          const content = response.content[type] ?? response.content['*/*']
          if (!content) return [`${type} is not documented`]
          if (!content.schema) return []
          const { fits, mistakes } = createCheck(whole(content.schema) as TSchema)
          return fits(body) ? [] : mistakes(body)
        },
      }
    },
  }
}
