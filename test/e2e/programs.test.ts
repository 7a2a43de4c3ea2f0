// Programs and files as clients and slaves see them: what an offer carries, who sees which file, and what
// is shown to nobody. The slave of these tests is the test.

import { createHash } from 'node:crypto'
import t from 'tap'
import type { Offer } from '../../shared/protocol/wire.ts'
import type { Json } from '../requests.ts'
import { until } from '../requests.ts'
import type { Ask } from './guarded.ts'
import { startGuarded } from './guarded.ts'

const CANARY = 'CanaryValue4711'
const TOOLS = {
  features: ['files', 'outputs', 'commands'],
  commands: { programs: ['flac'], containment: 'pid-namespace' },
}
const shaOf = (text: string): string => createHash('sha256').update(text).digest('hex')

t.test('a program runs with the files of its client, and leaves files of its client', async (t) => {
  const g = await startGuarded(t)
  const [alice, bob] = await Promise.all(['alice', 'bob'].map((name) => clientOf(g, name)))
  if (!alice || !bob) throw new Error('no clients')
  const slave = await slaveOf(g, 's1', TOOLS)
  const sha256 = await upload(alice, 'sound')
  const body = {
    kind: 'command',
    input: { program: 'flac', args: ['a.wav'], secretEnv: { TOKEN: CANARY } },
    files: { 'in/a.wav': { sha256 } },
    outputs: ['*.flac'],
    retryOn: [75],
    queue: true,
  }

  t.match(await bob('POST', '/tasks', body), { status: 404, body: { type: /no-such-blob/ } })
  const posted = await alice('POST', '/tasks', body)
  t.match(posted, { status: 202 })
  const { id } = posted.body as { id: string }
  const offer = await slave.poll()
  t.match(offer, {
    task: id,
    kind: 'command',
    input: { program: 'flac', args: ['a.wav'] },
    files: [{ name: 'in/a.wav', url: `/blobs/${sha256}`, bytes: 5, sha256 }],
    outputs: ['*.flac'],
    secretEnv: { TOKEN: CANARY },
    runLimitMs: 3_600_000,
  })
  t.notOk('secretEnv' in (offer.input as object))

  const made = await upload(slave.ask, 'made by it')
  const outcome = { status: 'done', result: resultOf(0), files: [fileOf('a b/x.flac', made)] }
  await slave.callBack(offer, outcome)
  const shown = await alice('GET', `/tasks/${id}`)
  t.match(shown.body, {
    status: 'done',
    inputFiles: { 'in/a.wav': { sha256, bytes: 5 } },
    outputs: ['*.flac'],
    attemptsMax: 1,
    retryOn: [75],
    result: { exitCode: 0 },
  })
  t.match((await alice('GET', `/tasks/${id}/files`)).body, {
    files: [{ name: 'a b/x.flac', sha256: made, bytes: 10 }],
  })
  const path = `/tasks/${id}/files/a%20b/x.flac`
  t.match(await alice('GET', path), { status: 200, text: 'made by it' })
  t.match(await alice('GET', path, undefined, { range: 'bytes=5-6' }), {
    status: 206,
    text: 'by',
    headers: { 'content-range': 'bytes 5-6/10' },
  })
  t.match(await alice('GET', path, undefined, { range: 'bytes=10-' }), { status: 416 })
  t.equal((await alice('GET', `/tasks/${id}/files/other`)).status, 404)
  t.equal((await alice('GET', `/tasks/${id}/files/`)).status, 404)
  t.equal((await alice('GET', `/tasks/${id}/files/%ff`)).status, 400)
  t.equal((await alice('GET', `/blobs/${made}`)).status, 200, 'what its task left is its own')

  for (const hidden of [path, `/tasks/${id}/files`, `/blobs/${made}`, `/blobs/${sha256}`]) {
    t.equal((await bob('GET', hidden)).status, 404, hidden)
    t.equal((await bob('HEAD', hidden)).status, 404, `HEAD ${hidden}`)
  }
  const all = ['/tasks', `/tasks/${id}`, `/tasks/${id}/trail`, '/get-tasks', '/status', '/slaves']
  for (const address of all) t.notMatch((await alice('GET', address)).text, CANARY, address)

  const again = await alice('POST', `/tasks/${id}/retry`, { queue: true })
  t.equal(again.status, 202)
  t.match(await slave.poll(), {
    files: [{ name: 'in/a.wav' }],
    outputs: ['*.flac'],
    secretEnv: { TOKEN: CANARY },
  })
})

t.test('an outcome whose files were not uploaded is a failure, and says which', async (t) => {
  const g = await startGuarded(t)
  const alice = await clientOf(g, 'alice')
  const slave = await slaveOf(g, 's1', TOOLS)
  const body = { kind: 'command', input: { program: 'flac' }, outputs: ['x'], queue: true }
  const { id } = (await alice('POST', '/tasks', body)).body as { id: string }
  const outcome = { status: 'done', result: resultOf(0), files: [fileOf('x', shaOf('never'))] }
  await slave.callBack(await slave.poll(), outcome)
  t.match((await alice('GET', `/tasks/${id}`)).body, {
    status: 'failed',
    failure: { type: 'missing-output', message: /output x, which it has not uploaded/ },
  })
})

t.test('a failed program keeps its output and the files that it left', async (t) => {
  const g = await startGuarded(t)
  const alice = await clientOf(g, 'alice')
  const slave = await slaveOf(g, 's1', TOOLS)
  const body = { kind: 'command', input: { program: 'flac' }, outputs: ['log'], queue: true }
  const { id } = (await alice('POST', '/tasks', body)).body as { id: string }
  const log = await upload(slave.ask, 'why')
  const failure = { type: 'exit-code', message: 'flac ended with exit code 3', exitCode: 3 }
  await slave.callBack(await slave.poll(), {
    status: 'failed',
    ...failure,
    signal: null,
    result: resultOf(3),
    files: [fileOf('log', log)],
  })
  const { body: task } = await alice('GET', `/tasks/${id}`)
  t.match(task, { status: 'failed', failure: { ...failure, signal: null } })
  t.match(task, { result: { exitCode: 3, stderr: 'bad' } })
  t.match(await alice('GET', `/tasks/${id}/files/log`), { status: 200, text: 'why' })
})

t.test('what no slave can run is refused at once, with what they lack', async (t) => {
  const g = await startGuarded(t)
  const alice = await clientOf(g, 'alice')
  for (const [name, more] of Object.entries({ s1: TOOLS, old: {} })) {
    const slave = await slaveOf(g, name, more)
    await slave.look()
  }
  const body = { kind: 'command', input: { program: 'ffmpeg' } }
  const said = await alice('POST', '/tasks', body)
  t.match(said, {
    status: 422,
    body: { type: /no-capable-slave/, detail: /does not run "ffmpeg"/ },
  })
  t.match(said.body, { asked: [{ reason: 'does not run "ffmpeg"' }, { slave: 'old' }] })
  const dry = await alice('POST', '/tasks?dry-run', body)
  t.match(dry.body, { wouldAsk: null, slaves: [{ state: 'unable' }, { state: 'unable' }] })
})

t.test('needs choose the slave, are shown with the task, and hold for a retry', async (t) => {
  const g = await startGuarded(t)
  const alice = await clientOf(g, 'alice')
  const kinds = ['sleep']
  const plain = await slaveOf(g, 's1', { kinds })
  await plain.look()
  const body = { kind: 'sleep', input: { ms: 1 }, needs: { slaveTags: ['gpu'] } }
  const refused = await alice('POST', '/tasks', body)
  t.match(refused, { status: 422, body: { type: /no-capable-slave/, detail: /has no tag "gpu"/ } })

  const { id } = (await alice('POST', '/tasks', { ...body, queue: true })).body as { id: string }
  const tagged = await slaveOf(g, 's2', { kinds, tags: ['gpu', 'ssd'] })
  const offer = await tagged.poll()
  t.match(offer, { task: id })
  await tagged.callBack(offer, { status: 'done', result: {} })
  t.match((await alice('GET', `/tasks/${id}`)).body, { slave: 's2', needs: body.needs })
  t.equal((await alice('POST', `/tasks/${id}/retry`, { queue: true })).status, 202)
  t.match(await tagged.poll(), { kind: 'sleep' })

  const named = { ...body, needs: { slave: 's3' } }
  t.match((await alice('POST', '/tasks', named)).body, { detail: /is not "s3"/ })
  for (const needs of [{ slaveTags: [''] }, { slave: 'a b' }, { slots: 2 }]) {
    t.equal((await alice('POST', '/tasks', { ...body, needs })).status, 400, JSON.stringify(needs))
  }
})

t.test('a wrong name of a file, program or variable is refused by the field', async (t) => {
  const g = await startGuarded(t)
  const alice = await clientOf(g, 'alice')
  const sha256 = await upload(alice, 'x')
  const files = (...names: string[]) => ({
    files: Object.fromEntries(names.map((name) => [name, { sha256 }])),
  })
  const bad: [object, RegExp][] = [
    [files('../x'), /the part "\.\."/],
    [files('/x'), /absolute/],
    [files('a\0b'), /NUL/],
    [files('a', 'a/b'), /"a" is a file and a folder/],
    [{ outputs: ['a//b'] }, /empty part/],
    [{ input: { program: '/bin/sh' } }, /program/],
    [{ input: { program: 'sh', args: ['a\0b'] } }, /args/],
    [{ input: { program: 'sh', env: { '1X': '' } } }, /env/],
    [{ input: { program: 'sh', secretEnv: { '1X': CANARY } } }, /secretEnv/],
    [{ retryOn: [0] }, /retryOn/],
    [{ kind: 'sleep', input: { ms: 1 }, ...files('x') }, /works on no files/],
  ]
  for (const [more, why] of bad) {
    const body = { kind: 'command', input: { program: 'sh' }, ...more }
    const { status, text, body: problem } = await alice('POST', '/tasks', body)
    t.equal(status, 400, JSON.stringify(more))
    t.match(problem?.detail, why)
    t.notMatch(text, CANARY)
  }
})

const resultOf = (exitCode: number) => ({
  exitCode,
  signal: null,
  stdout: '',
  stderr: 'bad',
  stdoutBytes: 0,
  stderrBytes: 3,
  ranMs: 1,
  cpuMs: 1,
  rssBytesMax: 1,
})
const fileOf = (name: string, sha256: string) => ({ name, sha256, bytes: 10 })

type Guarded = Awaited<ReturnType<typeof startGuarded>>

async function clientOf(g: Guarded, client: string): Promise<Ask> {
  const { ask } = await g.keyOf(['submit', 'read', 'cancel'], { client })
  await until(async () => (await ask('GET', '/status')).status !== 401)
  return ask
}

async function upload(ask: Ask, text: string): Promise<string> {
  const { body } = await ask('PUT', '/blobs', text, { 'content-type': 'text/plain' })
  return (body as { sha256: string }).sha256
}

/** A slave that polls, and whose card has more. */
async function slaveOf(g: Guarded, name: string, more: object) {
  const ask = await g.certified('slave', name)
  let generation = 0
  const head = { slave: name, boot: 'b', mode: 'accepting', reason: '' }
  const card = { name, boot: 'b', version: '1', kinds: ['command'], tags: [], slots: 2 }
  const register = () => ask('POST', '/slaves', { ...card, pull: true, ...more })
  await until(async () => (await register()).status === 200)

  async function pollFor(wait: string) {
    const query = new URLSearchParams({ ...head, free: '1', wait })
    query.set('generation', String(++generation))
    const reply = await ask('GET', `/get_task?${query}`)
    generation++
    return reply
  }

  return {
    ask,
    /** A poll that waits for nothing: the master knows then that the slave is there. */
    look: () => pollFor('0'),
    /** The offer of the next poll. */
    async poll(): Promise<Offer> {
      const { body } = await pollFor('10')
      const [offer] = (body as { offers: Offer[] }).offers
      if (!offer) throw new Error('no offer')
      return offer
    },
    async callBack({ attempt, task }: Offer, outcome: Json): Promise<void> {
      const state = { ...head, generation: ++generation, slots: 2, free: 2 }
      const callbacks = [{ attempt, task, outcome, ranMs: 1 }]
      const { body } = await ask('POST', '/callbacks', { state, callbacks })
      if (body?.acknowledged?.[0] !== attempt) throw new Error(JSON.stringify(body))
    },
  }
}
