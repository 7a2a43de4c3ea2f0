// Simulated slaves, all in one process that the bench forks: they take offers up to their slots, compute
// nothing and end attempts as they are told. All listen at one port, each at a loopback address of its own
// (127.1.0.0 and up), so that a master has a connection to each of them.
//
//   offer --taken--> running --ended (the bench says how many run, or how many end)--> outbox --> callback

import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { createServer } from 'node:net'
import type {
  AttemptsReply,
  Offer,
  OfferAnswer,
  SlaveState,
} from '../../../shared/protocol/wire.ts'
import type { Connection } from './connection.ts'
import { openConnection } from './connection.ts'

export type FleetCommand =
  /** Registers so many slaves with the master. */
  | { do: 'register'; master: string; slaves: number; slots: number; heartbeatMs: number }
  /** From now on a random attempt ends whenever more than `running` run; null: none ends. */
  | { do: 'keep'; running: number | null }
  /** From now on so many random attempts end per second. */
  | { do: 'end'; perSecond: number }
  | { do: 'count' }

/** Since the start: offers, requests that carried them, heartbeats; and what runs now. */
export type FleetCounts = { offers: number; requests: number; beats: number; running: number }

type Attempt = { id: string; task: string; slave: Slave; ended: boolean; place: number }
type Slave = {
  name: string
  generation: number
  attempts: Map<string, Attempt>
  /** Of these, how many run. */
  running: number
  outbox: Attempt[]
  isSending: boolean
}

const CONNECTIONS = 16
const REGISTERING = 32
const TICK_MS = 2
const HEAD_END = '\r\n\r\n'
const boot = randomUUID()

const slaves: Slave[] = []
const running: Attempt[] = []
const counts: FleetCounts = { offers: 0, requests: 0, beats: 0, running: 0 }
let slots = 1
let keep: number | null = null
let endsPerSecond = 0
let endsOwed = 0
let connections: Connection[] = []
/** Requests that wait for a connection to the master. */
const waiting: ((connection: Connection) => void)[] = []
const server = createServer(serve)

process.on('disconnect', () => process.exit(0))
process.on('message', (command: FleetCommand) => {
  perform(command).then(
    (said) => process.send?.(said),
    (error: Error) => process.send?.({ failed: `${error.stack}` }),
  )
})
setInterval(endSome, TICK_MS)

async function perform(command: FleetCommand): Promise<FleetCounts> {
  switch (command.do) {
    case 'register':
      await register(command)
      break
    case 'keep':
      keep = command.running
      endsPerSecond = 0
      break
    case 'end':
      keep = null
      endsPerSecond = command.perSecond
      break
    case 'count':
  }
  return { ...counts, running: running.length }
}

async function register(given: FleetCommand & { do: 'register' }): Promise<void> {
  slots = given.slots
  server.listen({ host: '0.0.0.0', port: 0, backlog: 4096 })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const broken = (error: Error): void => {
    throw error
  }
  connections = await Promise.all(
    Array.from({ length: CONNECTIONS }, () => openConnection(given.master, broken)),
  )
  for (let i = 0; i < given.slaves; i++) slaves.push(createSlave(i))
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < slaves.length) {
      const i = next++
      const url = `http://${addressOf(i)}:${port}`
      const { name } = slaves[i] as Slave
      await post(given.master, '/slaves', JSON.stringify({ ...cardOf(name), url }))
    }
  }
  await Promise.all(Array.from({ length: REGISTERING }, lane))
  // Evenly over the interval, as heartbeats of many slaves are.
  let nextBeat = 0
  let owed = 0
  setInterval(() => {
    owed += (TICK_MS * 5 * slaves.length) / given.heartbeatMs
    for (; owed >= 1; owed--) beat(given.master, slaves[nextBeat++ % slaves.length] as Slave)
  }, TICK_MS * 5)
  master = given.master
}

let master = ''

function createSlave(i: number): Slave {
  const name = `slave-${i + 1}`
  return { name, generation: 0, attempts: new Map(), running: 0, outbox: [], isSending: false }
}

const addressOf = (i: number): string => `127.${1 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`

function indexOf(address = ''): number {
  const [, high = 0, middle = 0, low = 0] = address.replace('::ffff:', '').split('.').map(Number)
  return ((high - 1) << 16) + (middle << 8) + low
}

const cardOf = (name: string) => ({
  name,
  boot,
  version: 'bench',
  kinds: ['expression'],
  tags: [],
  slots,
})

function stateOf({ name, generation, running }: Slave): SlaveState {
  const free = slots - running
  const reason = free > 0 ? '' : `running ${slots} of ${slots}`
  return { slave: name, boot, generation, slots, free, mode: 'accepting', reason }
}

const listOf = ({ attempts }: Slave): AttemptsReply['attempts'] =>
  [...attempts.values()].map(({ id, task, ended }) => ({
    attempt: id,
    task,
    status: ended ? 'ended' : 'running',
  }))

/** Answers the master, as lean as it can be: one request at a time on a connection. */
function serve(socket: Socket): void {
  const slave = slaves[indexOf(socket.localAddress)]
  if (slave === undefined) return void socket.destroy()
  let before = ''
  socket.setNoDelay(true)
  socket.setEncoding('latin1')
  socket.on('error', () => {})
  socket.on('data', (chunk: string) => {
    const text = before + chunk
    before = text
    const headEnd = text.indexOf(HEAD_END)
    if (headEnd < 0) return
    const length = Number(/content-length: *(\d+)/i.exec(text.slice(0, headEnd))?.[1] ?? 0)
    if (text.length < headEnd + HEAD_END.length + length) return
    before = ''
    const body = JSON.stringify(answerOf(slave, text.split(' ', 2)[1] ?? '', text.slice(headEnd)))
    const head = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}`
    socket.write(`${head}\r\n\r\n${body}`, 'latin1')
  })
}

function answerOf(slave: Slave, path: string, body: string): object {
  if (path === '/offers') return take(slave, (JSON.parse(body) as { offers: Offer[] }).offers)
  if (path === '/attempts') {
    return { card: cardOf(slave.name), state: stateOf(slave), attempts: listOf(slave) }
  }
  return { state: stateOf(slave) }
}

function take(slave: Slave, offers: Offer[]): object {
  counts.requests++
  counts.offers += offers.length
  const answers = offers.map(({ attempt: id, task }): OfferAnswer => {
    if (slave.running >= slots) {
      return { attempt: id, answer: 'busy', reason: `running ${slots} of ${slots}` }
    }
    const attempt = { id, task, slave, ended: false, place: running.length }
    running.push(attempt)
    slave.attempts.set(id, attempt)
    slave.running++
    slave.generation++
    return { attempt: id, answer: 'taken', reason: '' }
  })
  return { state: stateOf(slave), answers }
}

function endSome(): void {
  endsOwed += (endsPerSecond * TICK_MS) / 1000
  const most = keep === null ? Math.floor(endsOwed) : running.length - keep
  for (let i = 0; i < most && running.length > 0; i++) endOne()
  endsOwed -= Math.floor(endsOwed)
}

function endOne(): void {
  const attempt = running[Math.floor(Math.random() * running.length)] as Attempt
  const last = running.pop() as Attempt
  if (last !== attempt) {
    running[attempt.place] = last
    last.place = attempt.place
  }
  attempt.ended = true
  const { slave } = attempt
  slave.running--
  slave.generation++
  slave.outbox.push(attempt)
  if (!slave.isSending) sendOutbox(slave)
}

/** Delivers what has ended, one list at a time. */
function sendOutbox(slave: Slave): void {
  slave.isSending = true
  withConnection((connection) => {
    const ended = slave.outbox.splice(0)
    const callbacks = ended.map(({ id, task }) => ({
      attempt: id,
      task,
      outcome: { status: 'done', result: 5 },
      ranMs: 1,
    }))
    const body = JSON.stringify({ state: stateOf(slave), callbacks })
    connection.send(requestOf(master, '/callbacks', body), (status, said) => {
      if (status !== 200) throw new Error(`a callback was answered ${status}: ${said.toString()}`)
      release(connection)
      for (const { id } of ended) slave.attempts.delete(id)
      slave.generation++
      slave.isSending = false
      if (slave.outbox.length > 0) sendOutbox(slave)
    })
  })
}

function beat(master: string, slave: Slave): void {
  counts.beats++
  withConnection((connection) => {
    const body = JSON.stringify({ state: stateOf(slave), attempts: listOf(slave) })
    const request = requestOf(master, `/slaves/${slave.name}/heartbeat`, body)
    connection.send(request, () => release(connection))
  })
}

function post(master: string, path: string, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    withConnection((connection) =>
      connection.send(requestOf(master, path, body), (status, said) => {
        release(connection)
        if (status < 300) resolve()
        else reject(new Error(`${path} was answered ${status}: ${said.toString()}`))
      }),
    )
  })
}

function withConnection(use: (connection: Connection) => void): void {
  const connection = connections.pop()
  if (connection) use(connection)
  else waiting.push(use)
}

function release(connection: Connection): void {
  const next = waiting.shift()
  if (next) next(connection)
  else connections.push(connection)
}

const requestOf = (url: string, path: string, body: string): string =>
  `POST ${path} HTTP/1.1\r\nhost: ${new URL(url).host}\r\ncontent-type: application/json\r\n` +
  `content-length: ${body.length}\r\n\r\n${body}`
