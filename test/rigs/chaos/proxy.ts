// A TCP proxy that can hurt what passes: one stands between each pair of processes. It owns the
// connections through it, in both directions, and knows nothing of HTTP.
//
//   connection:  passing --> delayed, held (stall, partition) --> passing
//                        --> one side closed, cut, reset, or its replies swallowed

import { once } from 'node:events'
import type { Server, Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../../shared/data/random.ts'

/** `forward`: from whoever connects to whoever listens; `backward`: the replies. */
export type Direction = 'forward' | 'backward'

/** Chances per chunk of bytes, 0 to 1; the mean of the delays, which have a long tail. */
export type Mood = {
  delay: number
  delayMs: number
  drop: number
  reset: number
  halfClose: number
  stall: number
  swallow: number
  /** Hurts only this direction; both when null. */
  only: Direction | null
}

export const CALM: Readonly<Mood> = {
  delay: 0,
  delayMs: 0,
  drop: 0,
  reset: 0,
  halfClose: 0,
  stall: 0,
  swallow: 0,
  only: null,
}

/** A stalled connection goes on, or is reset, after at most this. */
const STALL_MS_MAX = 3_000
const DELAY_MS_MAX = 4_000
const CONNECT_MS = 2_000

type Connection = { near: Socket; far: Socket; swallowing: boolean }
/** Sees each chunk after it was passed on. */
export type Watcher = (text: string, direction: Direction, hurt: ConnectionHurt) => void
/** What a watcher can do to the connection that it sees. */
export type ConnectionHurt = { swallowReply(): void; reset(): void }

export type FaultProxy = Awaited<ReturnType<typeof openProxy>>

/** Opens a proxy at `host`:`port`. What connects there is passed to `target()`, when that is there. */
export async function openProxy(given: {
  name: string
  host: string
  port: number
  target: () => { host: string; port: number } | null
  random: Random
  onPassed?: Watcher
}) {
  const { name, host, port, random, target } = given
  const connections = new Set<Connection>()
  const counts = { connections: 0, delay: 0, drop: 0, reset: 0, halfClose: 0, stall: 0, swallow: 0 }
  const blocked = { forward: false, backward: false }
  let mood: Readonly<Mood> = CALM
  let opened = Promise.withResolvers<void>()
  let server: Server | null = null
  await listen()

  return {
    name,
    port,
    url: `http://${host}:${port}`,
    counts,
    setMood: (next: Readonly<Mood>): void => void (mood = next),
    get isPartitioned() {
      return blocked.forward || blocked.backward
    },
    /** Holds back everything in these directions until heal(). */
    partition(...directions: Direction[]): void {
      for (const direction of directions) blocked[direction] = true
    },
    /** Lets through what was held back, and stops hurting. */
    heal(): void {
      mood = CALM
      blocked.forward = blocked.backward = false
      opened.resolve()
      opened = Promise.withResolvers()
      for (const connection of connections) if (connection.swallowing) end(connection, 'reset')
    },
    /** Resets every connection. */
    resetAll(): void {
      for (const connection of connections) end(connection, 'reset')
    },
    /** Nobody listens here any more: connections are refused, as when a process is gone. */
    async stopListening(): Promise<void> {
      const closing = server
      server = null
      if (closing) await new Promise<void>((resolve) => closing.close(() => resolve()))
    },
    listen,
    close(): void {
      server?.close()
      server = null
      for (const connection of connections) end(connection, 'reset')
    },
  }

  async function listen(): Promise<void> {
    if (server) return
    const next = (server = createServer({ allowHalfOpen: true, noDelay: true }, take))
    next.listen(port, host)
    await once(next, 'listening')
  }

  function take(near: Socket): void {
    const to = target()
    near.on('error', () => {})
    if (!to) return void near.resetAndDestroy()
    const far = connect({ ...to, allowHalfOpen: true, noDelay: true, timeout: CONNECT_MS })
    const connection: Connection = { near, far, swallowing: false }
    counts.connections++
    connections.add(connection)
    far.on('error', () => near.resetAndDestroy())
    far.once('timeout', () => far.connecting && far.destroy())
    far.once('close', () => connections.delete(connection))
    void pump(connection, 'forward')
    void pump(connection, 'backward')
  }

  async function pump(connection: Connection, direction: Direction): Promise<void> {
    const [from, to] =
      direction === 'forward'
        ? [connection.near, connection.far]
        : [connection.far, connection.near]
    try {
      for await (const chunk of from as AsyncIterable<Buffer>) {
        if (!(await hurt(connection, direction))) return
        await gate(direction)
        if (connection.swallowing && direction === 'backward') continue
        if (!to.write(chunk)) await Promise.race([once(to, 'drain'), once(to, 'close')])
        given.onPassed?.(chunk.toString('latin1', 0, 512), direction, {
          swallowReply: () => swallow(connection),
          reset: () => end(connection, 'reset'),
        })
      }
      await gate(direction)
      to.end()
    } catch {
      await gate(direction)
      end(connection, 'reset')
    }
  }

  /** Does to a connection what chance wants; false when nothing more is passed this way. */
  async function hurt(connection: Connection, direction: Direction): Promise<boolean> {
    const now = mood
    if (now.only !== null && now.only !== direction) return true
    const happens = (chance: number): boolean => chance > 0 && random.next() < chance
    if (happens(now.delay)) {
      counts.delay++
      await sleep(Math.min(DELAY_MS_MAX, random.lognormal(now.delayMs, 6)))
    }
    if (happens(now.stall)) {
      counts.stall++
      await Promise.race([sleep(random.next() * STALL_MS_MAX), opened.promise])
      if (random.next() < 0.5) return end(connection, 'reset')
    }
    if (direction === 'backward' && happens(now.swallow)) swallow(connection)
    if (happens(now.halfClose)) {
      counts.halfClose++
      const to = direction === 'forward' ? connection.far : connection.near
      to.end()
      return false
    }
    if (happens(now.drop)) {
      counts.drop++
      return end(connection, 'drop')
    }
    if (happens(now.reset)) {
      counts.reset++
      return end(connection, 'reset')
    }
    return true
  }

  function swallow(connection: Connection): void {
    counts.swallow++
    connection.swallowing = true
  }

  async function gate(direction: Direction): Promise<void> {
    while (blocked[direction]) await opened.promise
  }

  function end({ near, far }: Connection, how: 'drop' | 'reset'): false {
    for (const socket of [near, far]) {
      if (how === 'reset' && !socket.connecting && !socket.destroyed) socket.resetAndDestroy()
      else socket.destroy()
    }
    return false
  }
}

/** A mood that chance chooses: mostly one or two small troubles, seldom in one direction only. */
export function drawMood(random: Random): Mood {
  const mood: Mood = { ...CALM }
  const troubles = ['delay', 'drop', 'reset', 'halfClose', 'stall', 'swallow'] as const
  for (let i = 0; i <= random.integer(2); i++) {
    const trouble = troubles[random.integer(troubles.length)] as (typeof troubles)[number]
    mood[trouble] = trouble === 'delay' ? random.next() : random.next() * 0.04
  }
  mood.delayMs = random.exponential(40)
  if (random.next() < 0.3) mood.only = random.next() < 0.5 ? 'forward' : 'backward'
  return mood
}
