// What a master asks a slave, over HTTP: the routes with an agent that notes what it is offered.

import t from 'tap'
import { Raw } from '../../shared/data/raw-json.ts'
import { SHAPE_LIMITS } from '../../shared/http/json-body.ts'
import { createServer } from '../../shared/http/server.ts'
import { createLog } from '../../shared/process/log.ts'
import type { OffersRequest } from '../../shared/protocol/wire.ts'
import type { Agent } from '../../slave/agent/agent.ts'
import { offers } from '../../slave/routes/offers.ts'

t.test(
  'a slave takes offers whose inputs have more members together than one client may send',
  async (t) => {
    const server = createServer({
      log: await createLog('test', 'silent'),
      bodyBytesMax: 64 << 20,
    })
    t.teardown(() => server.close())
    const inputs: unknown[] = []
    const agent = {
      offer: (request: OffersRequest) => {
        inputs.push(...request.offers.map(({ input }) => input))
        return { answers: [] }
      },
    }
    await server.register(offers, { agent: agent as unknown as Agent })
    const input = `[${'{"a":1.0,"b":2},'.repeat(SHAPE_LIMITS.names / 4)}0]`
    const offer = (id: string) =>
      `{"attempt":"${id}","task":"${id}","kind":"work","runLimitMs":1000,"input":${input}}`
    const { statusCode, body } = await server.inject({
      method: 'POST',
      url: '/offers',
      headers: { 'content-type': 'application/json' },
      payload: `{"offers":[${offer('one')},${offer('two')},${offer('three')}]}`,
    })
    t.equal(statusCode, 200, body.slice(0, 200))
    t.equal(inputs.length, 3)
    for (const each of inputs) t.ok(each instanceof Raw && each.text === input, 'as it was written')
  },
)
