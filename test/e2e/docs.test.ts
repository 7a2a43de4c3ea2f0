// The OpenAPI document: valid and whole. docs-client.system.test.ts shows that it is true.

import { readdir } from 'node:fs/promises'
import { Validator } from '@seriousme/openapi-schema-validator'
import t from 'tap'
import type { Contract } from '../../shared/protocol/contract.ts'
import { PROBLEMS } from '../../shared/protocol/problems.ts'
import { startQuietMaster } from '../quiet-master.ts'
import { getJson } from '../requests.ts'
import { ok, operationsIn } from './openapi-document.ts'

const API = new URL('../../shared/protocol/api/', import.meta.url)
const isContract = (value: unknown): value is Contract =>
  typeof value === 'object' && value !== null && 'operationId' in value

/** Shows the document, or is the page, and is not in it. */
const isDocs = (route: string): boolean => /^\w+ (\/docs.*|\/|\/page\/\*)$/.test(route)

t.test('the document', async (t) => {
  const master = await startQuietMaster(t)
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
    const routes = master
      .routes()
      .filter((route) => !isDocs(route) && !route.startsWith('HEAD '))
      // The rest of a path is a parameter like others in the document.
      .map((route) => route.replace(/\*$/, ':path'))
    t.ok(routes.length > 20)
    t.same(documented.map(({ route }) => route).toSorted(), routes.toSorted())
    const all = (await readdir(API)).map((name) => import(new URL(name, API).href))
    const contracts = (await Promise.all(all))
      .flatMap((module) => Object.values(module))
      .filter(isContract)
    const dead = contracts
      .map(({ method, path }) => `${method} ${path}`)
      .filter((each) => !master.routes().includes(each))
    t.ok(contracts.length > 30)
    t.same(dead, [], 'no contract without a route')
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

  t.test('names Retry-After where a problem has it, and nowhere else', (t) => {
    const { responses } = document.paths['/slaves'].get
    t.ok(responses['429'].headers['Retry-After'], 'every endpoint has a rate limit')
    t.notOk(responses['404'].headers)
    t.ok(document.paths['/jobs'].post.responses['503'].headers['Retry-After'], 'queue-full')
    t.end()
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
