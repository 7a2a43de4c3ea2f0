// Bodies that are JSON: what their values may have, and that long ones leave the event loop free.

import t from 'tap'
import { systemClock } from '../../../shared/data/clock.ts'
import { SHAPE_LIMITS } from '../../../shared/http/json-body.ts'
import { createServer } from '../../../shared/http/server.ts'
import { createLog } from '../../../shared/process/log.ts'
import { createSlices } from '../../../shared/process/time-slices.ts'

const bodyBytesMax = 16 << 20

async function setUp() {
  const slices = createSlices(systemClock)
  let pieces = 0
  const counted: typeof slices = {
    run: (work) => {
      pieces++
      return slices.run(work)
    },
  }
  const log = await createLog('test', 'silent')
  const server = createServer({ log, bodyBytesMax, slices: counted })
  server.post('/any', { config: { content: 'json', anyShape: true } }, () => 'taken')
  server.post('/one', { config: { content: 'json' } }, (request) => typeof request.body)
  const send = async (url: string, payload: string) => {
    const headers = { 'content-type': 'application/json' }
    const { statusCode, body } = await server.inject({ method: 'POST', url, headers, payload })
    return { status: statusCode, body: body.slice(0, 400) }
  }
  return { send, pieces: () => pieces, close: () => server.close() }
}

const members = (count: number): string =>
  `{${Array.from({ length: count }, (_, i) => `"k${i}":1`).join(',')}}`

t.test('a value that takes more than its bytes say is refused before it is parsed', async (t) => {
  const { send, close } = await setUp()
  t.teardown(close)
  const { containers, names, namesOfOne, values } = SHAPE_LIMITS
  const flat = (count: number) => `[${'[],'.repeat(count - 2)}[]]`
  const small = (count: number) => `[${'{"a":1,"b":2,"c":3,"d":4,"e":5},'.repeat(count / 5)}0]`
  t.match(await send('/one', flat(containers)), { status: 200 })
  t.match(await send('/one', flat(containers + 1)), {
    status: 413,
    body: /the body has 250001 arrays and objects; the maximum is 250000/,
  })
  t.match(await send('/one', small(names)), { status: 200 })
  t.match(await send('/one', small(names + 5)), { status: 413, body: /have 250005 members/ })
  t.match(await send('/one', members(namesOfOne)), { status: 200 })
  t.match(await send('/one', members(namesOfOne + 1)), {
    status: 413,
    body: /an object of the body has 50001 members; the maximum is 50000/,
  })
  const numbers = (count: number) => `[${'1,'.repeat(count - 1)}1]`
  t.match(await send('/one', numbers(values)), { status: 200 })
  t.match(await send('/one', numbers(values + 1)), {
    status: 413,
    body: /the lists of the body have 2000001 values; the maximum is 2000000/,
  })
  t.match(await send('/any', members(namesOfOne + 1)), { status: 200, body: 'taken' })
})

t.test(
  'a long body is parsed piece by piece, and its mistakes are told as those of a short one',
  async (t) => {
    const { send, pieces, close } = await setUp()
    t.teardown(close)
    t.match(await send('/one', '{}'), { status: 200, body: 'object' })
    t.equal(pieces(), 0)
    const long = JSON.stringify(['x'.repeat(1 << 20)])
    t.match(await send('/one', long), { status: 200, body: 'object' })
    t.equal(pieces(), 4)
    for (const ending of ['', ',"\\ud800"]', ',{"a":1,"a":2}]']) {
      t.match(await send('/one', long.slice(0, -1) + ending), { status: 400, body: /invalid-json/ })
      t.match(await send('/one', `["x"${ending}`), { status: 400, body: /invalid-json/ })
    }
    t.match(await send('/one', `${'['.repeat(513)}${'x'.repeat(1 << 20)}`), {
      status: 400,
      body: /more than 512/,
    })
  },
)
