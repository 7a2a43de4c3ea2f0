// A slave in one file that keeps every rule, and with `--wrong RULE` breaks that one: what the kit
// is tried on. It computes in its own process and speaks plain HTTP; the real one is in slave/.

import { createHash, randomUUID } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type {
  Callback,
  HeldAttempt,
  InputFile,
  Offer,
  OfferAnswer,
  PollReply,
  SlaveCard,
  SlaveState,
} from '../../../shared/protocol/wire.ts'
import { PROGRAMS, runProgram, whyNot } from './compact-command.ts'
import { decodePng, encodePng, grayscale } from './png.ts'

const { values } = parseArgs({
  options: {
    master: { type: 'string', default: '' },
    name: { type: 'string', default: '' },
    port: { type: 'string', default: '0' },
    data: { type: 'string', default: '' },
    slots: { type: 'string', default: '2' },
    wrong: { type: 'string', default: '' },
    pull: { type: 'boolean', default: false },
  },
})
const { master, name, data, pull } = values
const slots = Number(values.slots)
/** Whether this rule is to be broken. */
const wrong = (rule: string): boolean => values.wrong === rule

type Outcome = Callback['outcome'] & { files?: unknown[] }
type Running = { offer: Offer; abort: AbortController }
/** What a run throws to fail its task. */
type Failure = { type: string; message: string }

const IMAGE = 'image-filter.grayscale'
const PIXELS_MAX = 100_000_000
/** A request to the master without an answer is given up after this. */
const GIVE_UP_MS = 2_000
const boot = wrong('new-boot') ? `boot of ${name}` : randomUUID()
const running = new Map<string, Running>()
const ended = new Map<string, Callback>()
const answered = new Map<string, OfferAnswer>()
const outbox = join(data, 'outbox')
let generation = 0
let draining = false
let owesNotice = false
/** The last poll that is over. */
let polled = 0
let callingBack = false
/** A callback was not taken. */
let hasFailed = false
let wakeBeat = (): void => {}

mkdirSync(outbox, { recursive: true })
for (const file of wrong('kept-outbox') ? [] : readdirSync(outbox)) {
  const callback = JSON.parse(readFileSync(join(outbox, file), 'utf8')) as Callback
  ended.set(callback.attempt, callback)
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
const fail = (type: string, message: string): never => {
  throw { type, message } satisfies Failure
}

// What it says of itself.

const card = (): SlaveCard => ({
  name,
  boot,
  version: 'compact-1',
  kinds: ['sleep', IMAGE, 'command'],
  tags: [],
  slots,
  features: ['files', 'outputs', 'commands'],
  ...(wrong('commands-card') ? {} : { commands: PROGRAMS }),
})

const busyReason = (): string => (running.size < slots ? '' : `running ${running.size} of ${slots}`)

const state = (): SlaveState => ({
  slave: name,
  boot,
  generation: wrong('generation') ? 1 : generation,
  slots,
  free: Math.max(0, slots - running.size),
  mode: draining && !(pull && wrong('drains')) ? 'draining' : 'accepting',
  reason: draining ? 'told to stop' : busyReason(),
  ...(pull ? { polled } : {}),
})

const held = (): HeldAttempt[] => [
  ...running
    .values()
    .map(({ offer: { attempt, task } }) => ({ attempt, task, status: 'running' as const })),
  ...ended.values().map(({ attempt, task }) => ({ attempt, task, status: 'ended' as const })),
]

// What it is asked.

function answer(offer: Offer): OfferAnswer {
  const { attempt } = offer
  const taken: OfferAnswer = { attempt, answer: 'taken', reason: '' }
  const before = answered.get(attempt)
  if (before && !(wrong('same-answer') && before.answer === 'taken')) return before
  if (running.has(attempt) || ended.has(attempt)) return taken
  const refusal = refusalOf(offer)
  if (refusal) {
    owesNotice = true
    answered.set(attempt, { attempt, ...refusal })
    return { attempt, ...refusal }
  }
  generation++
  const run = { offer, abort: new AbortController() }
  running.set(attempt, run)
  void compute(run)
  return taken
}

function refusalOf(offer: Offer): { answer: OfferAnswer['answer']; reason: string } | undefined {
  if (!card().kinds.includes(offer.kind)) {
    const reason = `does not offer ${offer.kind}`
    return { answer: wrong('unable') ? 'unwilling' : 'unable', reason }
  }
  const reason = whyNot(offer)
  if (reason) return { answer: wrong('commands-unable') ? 'unwilling' : 'unable', reason }
  if (offer.keep === 'slave') return { answer: 'unable', reason: 'keeps no files' }
  if (draining)
    return { answer: wrong('drains') ? 'unwilling' : 'draining', reason: 'told to stop' }
  if (running.size >= slots + (wrong('slots') ? 1 : 0)) {
    return { answer: 'busy', reason: busyReason() || 'busy' }
  }
  return undefined
}

function revoke(attempts: string[], kill = true): void {
  for (const attempt of attempts) {
    const run = running.get(attempt)
    if (run) {
      generation++
      running.delete(attempt)
      if (kill) run.abort.abort()
    } else if (ended.has(attempt) && wrong('revoke-ended')) {
      generation++
      ended.delete(attempt)
      rmSync(fileOf(attempt), { force: true })
    } else if (ended.has(attempt) || wrong('revoke-first')) continue
    answered.set(attempt, { attempt, answer: 'revoked', reason: 'revoked by the master' })
  }
  notice()
}

/** Whoever was refused hears at once that there is room again. */
function notice(): void {
  if (!owesNotice || wrong('notice') || (running.size >= slots && !draining)) return
  owesNotice = false
  wakeBeat()
}

// Computing.

async function compute({ offer, abort }: Running): Promise<void> {
  const { attempt, task } = offer
  const began = performance.now()
  let outcome = await outcomeOf(offer, abort)
  // Called back meanwhile: nobody waits for it.
  if (!running.has(attempt) && !wrong('revoke')) return
  running.delete(attempt)
  if (wrong('finishes') && draining) {
    outcome = { status: 'failed', type: 'executor-crashed', message: 'there was no time for it' }
  }
  const ranMs = performance.now() - began
  const said = wrong('callback') ? attempt : task
  const callback = { attempt, task: said, outcome, ranMs } as Callback
  keep(callback)
  ended.set(attempt, callback)
  generation++
  notice()
  void callBack()
}

async function outcomeOf(offer: Offer, abort: AbortController): Promise<Outcome> {
  const limit = wrong('time-limit') ? offer.runLimitMs * 100 : offer.runLimitMs
  const message = `ran longer than ${offer.runLimitMs} ms`
  const timer = setTimeout(() => abort.abort({ type: 'time-limit', message }), limit)
  const stopped = new Promise<never>((_resolve, reject) => {
    abort.signal.addEventListener('abort', () => reject(abort.signal.reason as Error))
  })
  try {
    return await Promise.race([run(offer), stopped])
  } catch (error) {
    const { type = 'evaluation', message = String(error) } = error as Partial<Failure>
    return { status: 'failed', type, message } as Outcome
  } finally {
    clearTimeout(timer)
  }
}

function run(offer: Offer): Promise<Outcome> {
  if (offer.kind === 'command') return runProgram(offer, wrong, upload)
  return offer.kind === IMAGE ? filter(offer) : sleep(offer.input)
}

async function sleep(input: unknown): Promise<Outcome> {
  const { ms } = input as { ms: unknown }
  if (typeof ms !== 'number' && !wrong('rejected-input')) {
    fail('rejected-input', 'ms must be a number')
  }
  await pause(ms as number)
  return { status: 'done', result: { sleptMs: ms } }
}

async function filter({ files = [], outputs = [] }: Offer): Promise<Outcome> {
  const [bytes] = await fetchAll(files)
  if (!wrong('image-refused')) checkImage(bytes)
  const image = decodePng(bytes)
  const grey = grayscale(image)
  if (wrong('files-made')) grey.data[0] = (grey.data[0] as number) ^ 1
  const file = encodePng(grey)
  const missing = outputs.find((each) => each !== 'strip.png' && !/[*?[]/.test(each))
  if (missing && !wrong('outputs-missing')) fail('missing-output', `it left no ${missing}`)
  const isSent = outputs.length === 0 || !wrong('outputs-uploaded')
  const { sha256, bytes: length } = isSent
    ? await upload(file)
    : { sha256: '0'.repeat(64), bytes: 1 }
  const { width, height } = image
  const made = { name: 'strip.png', bytes: length, sha256, type: 'image/png' }
  return { status: 'done', result: { width, height }, files: [made] }
}

async function upload(body: Buffer): Promise<{ sha256: string; bytes: number }> {
  const headers = { 'content-type': 'image/png' }
  const kept = await fetch(`${master}/blobs`, {
    method: 'PUT',
    headers,
    body: new Uint8Array(body),
  })
  return (await kept.json()) as { sha256: string; bytes: number }
}

async function fetchAll(files: InputFile[]): Promise<[Buffer]> {
  const bad = files.find(({ name: path }) => /^\/|\/\/|(^|\/)\.\.?(\/|$)/.test(path))
  if (bad && !wrong('files-paths')) fail('missing-file', `${bad.name} is no path of a file`)
  const [strip, ...others] = files
  const bytes = await fetchFile(strip as InputFile)
  for (const other of others) await fetchFile(other)
  return [bytes]
}

function checkImage(bytes: Buffer): void {
  if (bytes.toString('latin1', 1, 4) !== 'PNG') fail('rejected-input', 'this is not a PNG')
  if (bytes.readUInt32BE(16) * bytes.readUInt32BE(20) > PIXELS_MAX) {
    fail('rejected-input', 'the image has too many pixels')
  }
}

async function fetchFile({ url, ticket, sha256 }: InputFile): Promise<Buffer> {
  const type = wrong('files-missing') ? 'evaluation' : 'missing-file'
  const show = ticket !== undefined && !url.startsWith('/') && !wrong('files-ticket')
  const headers = show ? { authorization: `Bearer ${ticket}` } : {}
  for (let tries = wrong('files-retried') ? 1 : 4; tries > 0; tries--) {
    const answer = await fetch(new URL(url, master), { headers }).catch(() => undefined)
    if (answer?.status === 404) break
    if (!answer?.ok) {
      await pause(50)
      continue
    }
    const bytes = Buffer.from(await answer.arrayBuffer())
    const sum = createHash('sha256').update(bytes).digest('hex')
    if (sum === (sha256 ?? sum) || wrong('files-checked')) return bytes
    return fail('missing-file', 'the file has another SHA-256')
  }
  return fail(type, `the file is not to be had from ${url}`)
}

// The outbox.

const fileOf = (attempt: string): string => join(outbox, encodeURIComponent(attempt))

function keep(callback: Callback): void {
  const file = openSync(fileOf(callback.attempt), 'w')
  writeSync(file, JSON.stringify(callback))
  fsyncSync(file)
  closeSync(file)
}

/** Repeats everything in the outbox until it is acknowledged. */
async function callBack(): Promise<void> {
  if (callingBack) return
  callingBack = true
  const settled = new Set<string>()
  let listMax = 16
  let restMs = 100
  for (;;) {
    const callbacks = Array.from(ended.values()).filter(({ attempt }) => !settled.has(attempt))
    if (callbacks.length === 0) break
    const list = callbacks.slice(0, listMax)
    const said = await say('POST', pull ? '/submit_result' : '/callbacks', {
      state: state(),
      callbacks: list,
    })
    let acknowledged = (said.body as { acknowledged?: string[] } | undefined)?.acknowledged ?? []
    if (said.status === 0 && wrong(said.refused ? 'outage' : 'repeats')) {
      acknowledged = list.map(({ attempt }) => attempt)
    }
    for (const attempt of acknowledged) {
      if (!wrong('generation-acknowledged')) generation++
      answered.set(attempt, { attempt, answer: 'taken', reason: '' })
      if (wrong('acknowledged')) settled.add(attempt)
      else ended.delete(attempt)
      rmSync(fileOf(attempt), { force: true })
    }
    if (acknowledged.length > 0) {
      listMax = 16
      restMs = 100
    } else if (isRefusal(said.status)) {
      if (list.length > 1) listMax = Math.ceil(list.length / 2)
      else refused(list[0] as Callback)
    } else {
      hasFailed = true
      await pause(wrong('rests') ? 10 : restMs)
      restMs = Math.min(2000, restMs * 2)
    }
  }
  callingBack = false
}

/** The master has read the list and will never take it. */
function isRefusal(status: number): boolean {
  if (status === 400) return !wrong('refused-outcome')
  return (status === 413 || status === 422) && !wrong('refused-list')
}

function refused(callback: Callback): void {
  const message = 'the master rejects the outcome'
  callback.outcome = { status: 'failed', type: 'evaluation', message }
  keep(callback)
}

// The master's side.

type Said = { status: number; body: unknown; refused: boolean }

async function say(method: string, path: string, body?: unknown): Promise<Said> {
  try {
    const headers = { 'content-type': 'application/json' }
    const text = body === undefined ? null : JSON.stringify(body)
    const signal = wrong('gives-up') ? null : AbortSignal.timeout(GIVE_UP_MS)
    const answer = await fetch(master + path, { method, headers, body: text, signal })
    const given: unknown = answer.status === 204 ? undefined : await answer.json()
    return { status: answer.status, body: given, refused: false }
  } catch (error) {
    const { code } = ((error as Error).cause ?? {}) as { code?: string }
    return { status: 0, body: undefined, refused: code === 'ECONNREFUSED' }
  }
}

async function register(): Promise<number> {
  for (;;) {
    const { status, body } = await say('POST', '/slaves', {
      ...card(),
      ...(pull ? { pull } : { url }),
    })
    if (status === 200) return (body as { heartbeatMs: number }).heartbeatMs
    if (wrong('registers')) await new Promise(() => {})
    if (wrong('registers-refused') && (status === 409 || status === 422)) process.exit(1)
    await pause(100)
  }
}

async function beatForever(): Promise<void> {
  let interval = await register()
  if (wrong('beats')) interval *= 3
  void callBack()
  if (pull) void pollForever()
  for (;;) {
    const wait = interval * (0.95 + Math.random() / 10)
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, wait)
      wakeBeat = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    const heartbeat = { state: state(), attempts: wrong('lists') ? [] : held() }
    const { body } = await say('POST', `/slaves/${name}/heartbeat`, heartbeat)
    const reply = body as { revoke?: string[]; register?: boolean } | undefined
    if (reply?.revoke && !wrong('beat-revoke')) revoke(reply.revoke)
    if (reply?.register && !wrong('registers-again')) await register()
  }
}

/** One poll after the other; its generation is the number of each. */
async function pollForever(): Promise<void> {
  let number = 0
  for (let restMs = 50; ; ) {
    if (!(wrong('polls-numbers') && restMs > 50)) number = ++generation
    const { slots: _slots, cache: _cache, ...said } = { ...state(), generation: number }
    const fields = Object.entries({ ...said, wait: 0.3 })
    const query = new URLSearchParams(fields.map(([key, value]) => [key, String(value)]))
    const { status, body } = await say('GET', `/get_task?${query}`)
    if (!wrong('polls')) polled = number
    generation++
    const { offers = [], revoke: revoked = [] } = (body ?? {}) as Partial<PollReply>
    for (const each of status === 200 ? offers : []) answer(each)
    if (status === 200) revoke(revoked)
    if (status === 404 && !wrong('polled-unknown')) await register()
    if (status === 200 || status === 204) restMs = 50
    else await pause(wrong('polls-rests') ? 5 : (restMs = Math.min(2000, restMs * 2)))
  }
}

// Its server.

type Answer = { status: number; body: unknown }

const server = createServer((request, response) => void serve(request, response))

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const path = request.url ?? ''
  const full = running.size >= slots
  if (wrong('quick-answers') && full && path === '/offers') await pause(150)
  const { status, body } = respond(`${request.method} ${path}`, Buffer.concat(chunks).toString())
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}

function respond(route: string, text: string): Answer {
  try {
    return { status: 200, body: bodyOf(route, text) }
  } catch (error) {
    return { status: 400, body: { type: 'invalid-request', detail: String(error) } }
  }
}

function bodyOf(route: string, text: string): unknown {
  if (route === 'GET /attempts') {
    const wrongCard = { ...card(), slots: slots + 1 }
    return { card: wrong('card') ? wrongCard : card(), state: state(), attempts: held() }
  }
  if (route === 'GET /availability') {
    const available = (!draining && running.size < slots) || wrong('availability')
    const message = available ? 'I am available.' : 'I am not available.'
    return { available, message, ...state() }
  }
  const body = JSON.parse(text) as { offers?: Offer[]; boot?: string; attempts?: string[] }
  if (route === 'POST /offers') return offer(body)
  if (route !== 'POST /attempts/revoke') throw new Error('there is nothing at this path')
  const { attempts } = body
  if (!attempts?.length || !attempts.every((id) => typeof id === 'string'))
    throw new Error('no ids')
  const unknown = attempts.every((id) => !running.has(id) && !ended.has(id))
  const also = wrong('revoke-unknown') && unknown ? running.keys() : []
  revoke([...also, ...attempts], !wrong('revoke'))
  return { state: state() }
}

function offer({ offers, boot: meant = boot, ...more }: { offers?: Offer[]; boot?: string }) {
  if (!Array.isArray(offers) || offers.length === 0) throw new Error('offers must be a list')
  if (wrong('unknown-fields') && Object.keys(more).length > 0) throw new Error('a field is unknown')
  const good = offers.filter(isOffer)
  if (good.length < offers.length && !wrong('malformed')) throw new Error('an offer is malformed')
  const another = meant !== boot && !wrong('another-boot')
  const reason = 'was restarted in the meantime'
  const answers = good.map((each) =>
    another ? { attempt: each.attempt, answer: 'unwilling', reason } : answer(each),
  )
  return { state: state(), answers }
}

const isOffer = (offer: Offer): boolean =>
  [offer.attempt, offer.task, offer.kind].every((field) => typeof field === 'string') &&
  'input' in offer &&
  offer.runLimitMs >= 1

process.on('SIGTERM', () => void go())

async function go(): Promise<void> {
  draining = true
  generation++
  owesNotice = true
  notice()
  if (wrong('finishes')) for (const { abort } of running.values()) abort.abort()
  const mayLeave = (): boolean => !callingBack || (wrong('delivers') && hasFailed)
  while (running.size > 0 || !mayLeave()) await pause(20)
  if (wrong('finishes')) await pause(300)
  if (!wrong('leaves')) await say('DELETE', `/slaves/${name}?boot=${boot}`)
  process.exit(0)
}

const url = `http://127.0.0.1:${values.port}`
server.keepAliveTimeout = 75_000
server.listen(Number(values.port), '127.0.0.1', () => void beatForever())
