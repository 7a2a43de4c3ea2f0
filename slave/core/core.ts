// The slave's core. It takes or refuses each offer in one step, and knows what the slave holds and when the
// next heartbeat is due. step(input, now) returns effects; agent/ performs them. The core holds
// ids, counts and times, never payloads.
//
// An attempt:   offered --> running --> ended (in the outbox) --> acknowledged, forgotten
//                   \          \
//                 refused    revoked            its answer is remembered, so that the same
//                                               attempt offered again gets the same answer

import type { Monotonic } from '../../shared/data/clock.ts'
import { LONG_AGO, later, NEVER } from '../../shared/data/clock.ts'
import type { Random } from '../../shared/data/random.ts'
import type {
  Commands,
  Feature,
  HeartbeatReply,
  HeldAttempt,
  OfferAnswer,
  OffersReply,
  SlaveCard,
  SlaveState,
} from '../../shared/protocol/wire.ts'
import { createPolling, POLL_MS_MAX } from './polling.ts'

/** Remembers the answers to this many attempts that it no longer holds. */
const REMEMBERED_MAX = 65_536
/** A heartbeat is this share earlier or later, so that many slaves do not send at once. */
const JITTER = 0.1
/** Pause before the next registration; it doubles up to the limit. In milliseconds. */
const REGISTER_AGAIN_MS = 250
const REGISTER_AGAIN_MS_MAX = 5_000

/** The answer to an offer. */
type Said = Omit<OfferAnswer, 'attempt'>
const TAKEN: Said = { answer: 'taken', reason: '' }
const taken = (attempt: string): OfferAnswer => ({ attempt, answer: 'taken', reason: '' })
const REVOKED: Said = { answer: 'revoked', reason: 'revoked by the master' }

/** `unable`: what the shell found in the payload that this slave cannot do, in words for people. */
type OfferHead = { attempt: string; task: string; kind: string; unable?: string }

export type Input =
  /** `boot`: the addressed process. */
  | { is: 'offers'; offers: OfferHead[]; boot: string }
  /** Runs that ended: their outcomes are in the outbox. */
  | { is: 'ended'; attempts: string[] }
  /** The master has these outcomes. */
  | { is: 'acknowledged'; attempts: string[] }
  | { is: 'revoke'; attempts: string[] }
  /** `master`: the master's own name, if it has one. */
  | { is: 'registered'; heartbeatMs: number; master?: string | undefined }
  | { is: 'not-registered' }
  /** A master probed this slave: its own master may have just started. */
  | { is: 'visited' }
  | { is: 'beat-answered'; reply: HeartbeatReply }
  | { is: 'beat-failed' }
  /** The response to a poll: tasks to take, attempts to drop, or nothing. */
  | { is: 'polled'; offers: OfferHead[]; revoke: string[] }
  /** `delivered`: the master may have responded. `unknown`: the master does not know this boot. */
  | { is: 'poll-failed'; delivered: boolean; unknown: boolean }
  /** Whether new tasks are taken from now on. The reason is for people. */
  | { is: 'mode'; mode: SlaveState['mode']; reason: string }
  | { is: 'tick' }

export type Effect =
  | { do: 'answer-offers'; reply: OffersReply }
  | { do: 'run'; attempt: string }
  | { do: 'kill'; attempt: string }
  | { do: 'register' }
  | { do: 'beat' }
  /** Ask for tasks, and wait this long for a response. */
  | { do: 'poll'; state: SlaveState; waitMs: number }

export type SlaveCoreSettings = {
  name: string
  boot: string
  version: string
  slots: number
  kinds: string[]
  tags: string[]
  /** What it can do besides running its kinds. */
  features?: readonly Feature[]
  /** The programs that it runs, if any. */
  commands?: Commands | undefined
  /** How full its cache of files is. */
  cache?: () => NonNullable<SlaveState['cache']>
  /** The slave polls for tasks. */
  pull?: boolean
  random: Random
  /** Outcomes kept by an earlier run of this slave, still to be acknowledged. */
  kept: readonly { attempt: string; task: string }[]
  /** No new tasks while this many outcomes wait for the master. */
  outboxMax: number
}

export type SlaveCore = ReturnType<typeof createSlaveCore>

export function createSlaveCore(settings: SlaveCoreSettings) {
  const { name, boot, slots } = settings
  const running = new Map<string, HeldAttempt>()
  const ended = new Map<string, HeldAttempt>()
  const answered = new Map<string, Said>()
  /** Stays where it is: a new one would pass over all that was deleted before, 30 us at 65,536. */
  const oldestAnswered = answered.keys()
  const kinds = new Set(settings.kinds)
  const polling = createPolling(settings.random)
  let generation = 0
  let mode: SlaveState['mode'] = 'accepting'
  let modeReason = ''
  let owesNotice = false
  let link: 'registering' | 'registered' = 'registering'
  let heartbeatMs = 5_000
  let registerAgainMs = REGISTER_AGAIN_MS
  let failedAt = LONG_AGO
  let master: string | undefined
  let dueAt = LONG_AGO
  /** The response to a poll said that the master does not know this boot. */
  let isUnknown = false
  let effects: Effect[] = []

  for (const { attempt, task } of settings.kept) {
    ended.set(attempt, { attempt, task, status: 'ended' })
  }

  return {
    step(input: Input, now: Monotonic): Effect[] {
      take(input, now)
      const out = effects
      effects = []
      return out
    },
    /** When the core needs a `tick`; Infinity while it waits for a response of the master. */
    deadline: (): Monotonic => (dueAt < polling.dueAt ? dueAt : polling.dueAt),
    state,
    /** The name of the master that it reports to; undefined until the master has said it. */
    get master() {
      return master
    },
    card: (): SlaveCard => ({
      name,
      boot,
      version: settings.version,
      kinds: settings.kinds,
      tags: settings.tags,
      slots,
      ...(settings.features ? { features: [...settings.features] } : {}),
      ...(settings.commands ? { commands: settings.commands } : {}),
    }),
    /** All attempts that run, or ended and are not acknowledged. */
    held: (): HeldAttempt[] => [...running.values(), ...ended.values()],
    get runningCount() {
      return running.size
    },
    get endedCount() {
      return ended.size
    },
  }

  function take(input: Input, now: Monotonic): void {
    switch (input.is) {
      case 'offers':
        return takeOffers(input.offers, input.boot)
      case 'ended':
        return takeEnded(input.attempts)
      case 'acknowledged':
        return forget(input.attempts)
      case 'revoke':
        return revoke(input.attempts)
      case 'mode':
        return setMode(input.mode, input.reason)
      case 'registered':
        link = 'registered'
        heartbeatMs = input.heartbeatMs
        master = input.master ?? master
        registerAgainMs = REGISTER_AGAIN_MS
        // A slave that polls reports what it holds before it takes more.
        return settings.pull ? beat() : beatLater(now)
      case 'not-registered':
        failedAt = now
        dueAt = later(now, registerAgainMs * (1 + JITTER * settings.random.next()))
        registerAgainMs = Math.min(registerAgainMs * 2, REGISTER_AGAIN_MS_MAX)
        return
      case 'visited':
        // A registration that is under way ends first.
        if (link !== 'registering' || dueAt === NEVER) return
        return registerSooner(now)
      case 'beat-answered':
        master = input.reply.master ?? master
        revoke(input.reply.revoke)
        if (input.reply.register || isUnknown) return register()
        beatLater(now)
        if (settings.pull && polling.isIdle) poll(now)
        return notice()
      case 'beat-failed':
        return isUnknown ? register() : beatLater(now)
      case 'polled':
        return takePolled(input.offers, input.revoke, now)
      case 'poll-failed':
        generation++
        polling.failed(now, input.delivered)
        // A heartbeat or registration in progress is awaited first.
        if (input.unknown && dueAt !== NEVER) return register()
        isUnknown ||= input.unknown && link === 'registered'
        return
      case 'tick':
        return tick(now)
    }
  }

  function tick(now: Monotonic): void {
    if (now >= polling.dueAt) poll(now)
    if (now < dueAt) return
    if (link === 'registering') return register()
    beat()
  }

  function beat(): void {
    dueAt = NEVER
    effects.push({ do: 'beat' })
  }

  /** Also polls when full: the next outcome reports the freed slot. */
  function poll(now: Monotonic): void {
    if (link === 'registering') return polling.rest()
    // Its generation identifies the poll.
    generation++
    const owesBeat = polling.begin(generation, now)
    effects.push({ do: 'poll', state: state(), waitMs: Math.min(heartbeatMs, POLL_MS_MAX) })
    if (owesBeat && dueAt !== NEVER) beat()
  }

  function takePolled(offers: OfferHead[], revoked: string[], now: Monotonic): void {
    for (const { attempt, task, kind } of offers) {
      const isKnown = running.has(attempt) || ended.has(attempt) || answered.has(attempt)
      if (!isKnown && kinds.has(kind) && running.size < slots) begin(attempt, task)
    }
    revoke(revoked)
    generation++
    polling.answered(now, offers.length + revoked.length > 0)
    if (now >= polling.dueAt) poll(now)
  }

  function register(): void {
    link = 'registering'
    isUnknown = false
    polling.rest()
    dueAt = NEVER
    effects.push({ do: 'register' })
  }

  /** Not sooner than after the first pause. */
  function registerSooner(now: Monotonic): void {
    const soonest = later(failedAt, REGISTER_AGAIN_MS)
    const at = soonest > now ? soonest : now
    if (at < dueAt) dueAt = at
  }

  function beatLater(now: Monotonic): void {
    dueAt = later(now, heartbeatMs * (1 - JITTER + 2 * JITTER * settings.random.next()))
  }

  function takeOffers(offers: OfferHead[], meant: string): void {
    const answers = meant === boot ? offers.map(answer) : offers.map(refuseAsAnother)
    effects.push({ do: 'answer-offers', reply: { state: state(), answers } })
  }

  function answer({ attempt, task, kind, unable }: OfferHead): OfferAnswer {
    const before = answered.get(attempt)
    if (before) return { attempt, ...before }
    if (running.has(attempt) || ended.has(attempt)) return taken(attempt)
    const refusal = refusalOf(kind, unable)
    if (refusal) {
      owesNotice = true
      remember(attempt, refusal)
      return { attempt, ...refusal }
    }
    begin(attempt, task)
    return taken(attempt)
  }

  function begin(attempt: string, task: string): void {
    generation++
    running.set(attempt, { attempt, task, status: 'running' })
    effects.push({ do: 'run', attempt })
  }

  /** The slave restarted while the offer was on its way: the master must learn of the new boot first. */
  function refuseAsAnother({ attempt }: OfferHead): OfferAnswer {
    return { attempt, answer: 'unwilling', reason: 'was restarted in the meantime' }
  }

  function refusalOf(kind: string, unable: string | undefined): Said | undefined {
    if (!kinds.has(kind)) return { answer: 'unable', reason: `does not offer "${kind}"` }
    if (unable !== undefined) return { answer: 'unable', reason: unable }
    if (mode === 'draining') return { answer: 'draining', reason: modeReason }
    if (mode === 'unwilling') return { answer: 'unwilling', reason: modeReason }
    if (outboxIsFull()) return { answer: 'unwilling', reason: outboxReason() }
    if (running.size >= slots) return { answer: 'busy', reason: busyReason() }
    return undefined
  }

  function remember(attempt: string, said: Said): void {
    answered.set(attempt, said)
    if (answered.size > REMEMBERED_MAX) answered.delete(oldestAnswered.next().value as string)
  }

  function takeEnded(attempts: string[]): void {
    for (const attempt of attempts) {
      const held = running.get(attempt)
      if (!held) continue
      running.delete(attempt)
      held.status = 'ended'
      ended.set(attempt, held)
      generation++
    }
  }

  function forget(attempts: string[]): void {
    for (const attempt of attempts) {
      if (!ended.delete(attempt)) continue
      generation++
      remember(attempt, TAKEN)
    }
    notice()
  }

  function revoke(attempts: string[]): void {
    for (const attempt of attempts) {
      if (running.delete(attempt)) {
        generation++
        effects.push({ do: 'kill', attempt })
      } else if (ended.has(attempt)) continue
      remember(attempt, REVOKED)
    }
    notice()
  }

  function setMode(next: SlaveState['mode'], reason: string): void {
    if (mode === next && modeReason === reason) return
    mode = next
    modeReason = reason
    generation++
    owesNotice = true
    notice()
  }

  /** Sends a heartbeat when a slot is free again after a refusal. */
  function notice(): void {
    if (!owesNotice || link !== 'registered' || dueAt === NEVER) return
    if (mode === 'accepting' && (running.size >= slots || outboxIsFull())) return
    owesNotice = false
    beat()
  }

  function state(): SlaveState {
    const full = outboxIsFull()
    return {
      slave: name,
      boot,
      generation,
      slots,
      free: slots - running.size,
      mode: mode === 'accepting' && full ? 'unwilling' : mode,
      reason: mode !== 'accepting' ? modeReason : full ? outboxReason() : busyReason(),
      ...(settings.cache ? { cache: settings.cache() } : {}),
      ...(settings.pull ? { polled: polling.over } : {}),
    }
  }

  function busyReason(): string {
    return running.size < slots ? '' : `running ${running.size} of ${slots}`
  }

  function outboxIsFull(): boolean {
    return ended.size >= settings.outboxMax
  }

  function outboxReason(): string {
    return `${ended.size} outcomes wait for acknowledgement; the master does not answer`
  }
}
