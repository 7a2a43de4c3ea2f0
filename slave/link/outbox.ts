// Outcomes on their way to the master. The outbox repeats each one until the master acknowledges it. What
// the master does not acknowledge at once is also kept in the store, so that a result survives an outage of
// the master and a restart of the slave. Outcomes that arrive during a request are sent with the next one,
// which starts when that request ends, when there are many, or after a short time.
//
// p-retry is not used: the backoff runs on the agent's clock and random source, so that the simulator
// controls it; a retry sends what is queued then, and after no response a sign of life of the master
// ends the backoff.

import type { Clock } from '../../shared/data/clock.ts'
import { later } from '../../shared/data/clock.ts'
import type { Random } from '../../shared/data/random.ts'
import { encode, Raw } from '../../shared/data/raw-json.ts'
import type { PeerError } from '../../shared/http/peer.ts'
import type { Logger } from '../../shared/process/log.ts'
import type { Callback, Outcome, SlaveState } from '../../shared/protocol/wire.ts'
import type { Link } from './link.ts'
import type { OutboxStore } from './outbox-store.ts'

/** Requests under way at the same time. */
const WINDOW = 3
/**
 * While a request is under way, fewer outcomes than this wait for its end, this long at most (in
 * milliseconds). A request costs both sides as much as ten outcomes.
 */
const GATHERED = 64
const GATHER_MS = 5
/** Most outcomes of one request, and about how many bytes of results. */
const LIST_MAX = 512
const LIST_BYTES_MAX = 4 * 1024 * 1024
const RETRY_MS = 100
const RETRY_MS_MAX = 5_000

export function createOutbox(given: {
  link: Link
  clock: Clock
  random: Random
  store: OutboxStore
  /** What the store has of an earlier run of this slave. */
  kept: readonly Callback[]
  state: () => SlaveState
  onAcknowledged: (attempts: string[]) => void
  /** Why outcomes cannot be kept on disk now; null when they can again, or when there are none. */
  onTrouble?: (reason: string | null) => void
  log: Logger
}) {
  const { link, clock, store } = given
  const queue = given.kept.map(withoutLostFiles)
  /** On their way to the master. */
  const sent = new Set<Callback[]>()
  /** Attempts whose outcomes the store has, or is about to have. */
  const stored = new Set(queue.map(({ attempt }) => attempt))
  /** Acknowledged, and still in the store. */
  const dropped = new Set<string>()
  /** Characters of outcomes whose JSON is made only when they are sent. */
  const sizes = new WeakMap<Outcome, number>()
  /** The last warning about the store, which is not repeated. */
  let warned = ''
  /** Outcomes are in memory only. */
  let troubled = false
  let failures = 0
  /** The last request that failed had no response. */
  let hadNoResponse = false
  let listMax = LIST_MAX
  let planned = false
  /** Outcomes wait for the end of a request. */
  let gathering = false
  let closed = false
  let cancel = (): void => {}
  let cancelGathering = (): void => {}

  plan()

  return {
    /** Takes outcomes; they are sent with the next request. */
    add(callbacks: Callback[]): void {
      for (const each of callbacks) queue.push(each)
      // The master is away: no other process has them.
      if (failures > 0) void keep(callbacks)
      plan()
    },
    look,
    /**
     * The master has answered another request: tries again now, if the last try had no response. A
     * master that answers, but with an error or without acknowledging, is not tried more often.
     */
    wake(): void {
      if (failures === 0 || !hadNoResponse) return
      failures = 0
      cancel()
      planned = false
      plan()
    },
    /** Sends nothing more; resolves when the store has everything that is not acknowledged. */
    async close(): Promise<void> {
      closed = true
      cancel()
      cancelGathering()
      await look()
      await keep(unacknowledged())
      await store.close()
    },
  }

  function unacknowledged(): Callback[] {
    return [...sent].flat().concat(queue)
  }

  /**
   * Checks the files of the store. When they were removed, everything that they had is written again, into
   * new ones: it is still in memory. Returns what happened; null: nothing.
   */
  async function look(): Promise<string | null> {
    const gone = await store.gone()
    if (gone === null) return null
    const lost = unacknowledged().filter(({ attempt }) => stored.has(attempt))
    stored.clear()
    dropped.clear()
    try {
      await store.renew()
    } catch (error) {
      notKept(error as Error)
      return gone
    }
    await keep(lost)
    return gone
  }

  function plan(): void {
    if (planned || closed || sent.size >= WINDOW || queue.length === 0) return
    if (failures === 0 && sent.size > 0 && queue.length < GATHERED) return gather()
    planned = true
    const run = (): void => {
      planned = false
      send()
    }
    if (failures === 0) return clock.soon(run)
    const wait = Math.min(RETRY_MS_MAX, RETRY_MS * 2 ** (failures - 1))
    cancel = clock.at(later(clock.now(), wait * (0.5 + given.random.next())), run)
  }

  function gather(): void {
    if (gathering) return
    gathering = true
    cancelGathering = clock.at(later(clock.now(), GATHER_MS), () => {
      gathering = false
      if (!planned) send()
    })
  }

  function send(): void {
    if (gathering) cancelGathering()
    gathering = false
    if (closed || sent.size >= WINDOW || queue.length === 0) return
    const callbacks = queue.splice(0, listLength())
    sent.add(callbacks)
    link.callBack({ state: given.state(), callbacks }, (error, reply) => {
      sent.delete(callbacks)
      if (error && isRefusal(error)) refused(callbacks, error.message)
      else if (error) unanswered(callbacks, error)
      else settled(callbacks, reply?.acknowledged ?? [])
      plan()
    })
    if (failures === 0) plan()
  }

  function listLength(): number {
    let bytes = 0
    let length = 0
    for (const callback of queue) {
      if (length >= listMax || (length > 0 && bytes > LIST_BYTES_MAX)) break
      bytes += sizeOf(callback)
      length++
    }
    return length
  }

  /** A list that took too long may do so each time: the next one is half as long. */
  function unanswered(callbacks: Callback[], { delivered, status }: PeerError): void {
    if (delivered) shorten(callbacks)
    failed(callbacks, status === null)
  }

  function failed(callbacks: Callback[], noResponse = false): void {
    failures++
    hadNoResponse = noResponse
    queue.unshift(...callbacks)
    void keep(queue)
  }

  function shorten({ length }: Callback[]): void {
    listMax = Math.max(1, Math.ceil(length / 2))
  }

  /** About how many characters its JSON has; measured once when that is not known. */
  function sizeOf({ outcome }: Callback): number {
    if (outcome.status !== 'done') return 256 + outcome.message.length
    const { result, resultText } = outcome
    if (result instanceof Raw) return 256 + result.text.length + (resultText?.length ?? 0)
    if (outcome.resultText !== undefined) return 256 + outcome.resultText.length
    const known = sizes.get(outcome)
    if (known !== undefined) return known
    const size = 256 + encode(outcome).length
    sizes.set(outcome, size)
    return size
  }

  /**
   * The master rejects the list for good. Shorter lists find the outcome at fault, whose task fails with the
   * reason, so that one bad outcome does not block the others.
   */
  function refused(callbacks: Callback[], reason: string): void {
    const [first] = callbacks as [Callback]
    const message = `the master rejects the outcome: ${reason}`.slice(0, 4096)
    if (callbacks.length > 1) shorten(callbacks)
    else first.outcome = { status: 'failed', type: 'evaluation', message }
    failed(callbacks)
  }

  /** What a reply does not acknowledge is repeated after a pause, like what had no reply. */
  function settled(callbacks: Callback[], acknowledged: string[]): void {
    const left = unacknowledgedOf(callbacks, acknowledged)
    if (left.length < callbacks.length) failures = 0
    listMax = Math.min(LIST_MAX, listMax * 2)
    if (left.length > 0) failed(left)
    if (stored.size > 0) void drop(acknowledged.filter((attempt) => stored.has(attempt)))
    if (sent.size === 0 && queue.length === 0) recovered()
    if (!closed) given.onAcknowledged(acknowledged)
  }

  /** Never rejects: what cannot be kept now is kept with the next, and stays in memory. */
  async function keep(callbacks: Callback[]): Promise<void> {
    const fresh = callbacks.filter(({ attempt }) => !stored.has(attempt))
    if (fresh.length === 0) return
    for (const { attempt } of fresh) stored.add(attempt)
    try {
      await store.keep(fresh)
      recovered()
    } catch (error) {
      for (const { attempt } of fresh) stored.delete(attempt)
      notKept(error as Error)
    }
  }

  /** Never rejects: what cannot be removed now is removed with the next. */
  async function drop(attempts: string[]): Promise<void> {
    for (const attempt of attempts) dropped.add(attempt)
    if (dropped.size === 0) return
    const asked = [...dropped]
    try {
      await store.drop(asked)
      for (const attempt of asked) {
        stored.delete(attempt)
        dropped.delete(attempt)
      }
    } catch (error) {
      warn('cannot remove acknowledged outcomes from disk yet', error as Error)
    }
  }

  /** Outcomes are only in memory: the slave accepts no more tasks until they are stored or acknowledged. */
  function notKept(error: Error): void {
    warn('cannot store outcomes on disk; they are kept in memory', error)
    troubled = true
    given.onTrouble?.(`the slave cannot store results on disk: ${error.message}`)
  }

  function recovered(): void {
    if (!troubled) return
    troubled = false
    warned = ''
    given.onTrouble?.(null)
  }

  function warn(words: string, { message }: Error): void {
    if (warned !== words) given.log.warn({ reason: message }, words)
    warned = words
  }
}

/** Files that the slave kept for peers were removed by its restart: their task runs again. */
function withoutLostFiles(callback: Callback): Callback {
  const { outcome } = callback
  if (outcome.status !== 'done' || !outcome.files?.some(({ url }) => url !== undefined)) {
    return callback
  }
  const message = 'the files of its output were lost when its slave was restarted'
  return { ...callback, outcome: { status: 'failed', type: 'slave-lost', message } }
}

/** Those of these that are not acknowledged: usually none, and the reply lists them in their order. */
function unacknowledgedOf(callbacks: Callback[], acknowledged: string[]): Callback[] {
  if (callbacks.every(({ attempt }, i) => attempt === acknowledged[i])) return []
  const known = new Set(acknowledged)
  return callbacks.filter(({ attempt }) => !known.has(attempt))
}

const isRefusal = ({ status }: PeerError): boolean =>
  status === 400 || status === 413 || status === 422
