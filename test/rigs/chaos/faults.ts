// What goes wrong in a chaos run, when, and how often: streams of faults with seeded gaps, each at
// a random moment or at a named point of the protocol. Owns the schedule and its counts.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../../shared/data/random.ts'
import { signal } from '../cluster/proc.ts'
import type { Net, Point, SlaveNode } from './net.ts'
import { LEASE_MS } from './net.ts'
import type { Disk } from './places.ts'
import type { ConnectionHurt, Direction } from './proxy.ts'
import { CALM, drawMood } from './proxy.ts'

/** How often per minute each thing is meant to happen. */
export const PER_MINUTE = {
  masterKill: 10,
  slaveKill: 26,
  executorKill: 6,
  masterPause: 3,
  slavePause: 6,
  executorPause: 5,
  partition: 7,
  mood: 50,
  pointHurt: 30,
  resetAll: 4,
  masterDiskFull: 1,
  slaveDiskFull: 1,
} as const
export type FaultName = keyof typeof PER_MINUTE

/** An armed fault strikes at any moment when its point has not come by then. */
const ARMED_MS = 2_000
const KILLED_AGAIN = 0.4
const PAUSE_MS_MAX = 4 * LEASE_MS
const MASTER_POINTS: Point[] = [
  '202 read',
  'batch passed',
  'cancel passed',
  'offer passed',
  'offer answered',
  'callback passed',
  'heartbeat passed',
]
const SLAVE_POINTS: Point[] = [
  'offer passed',
  'offer answered',
  'callback passed',
  'callback answered',
  'registration passed',
]

type Armed = {
  point: Point
  slave: string | null
  strike: (point: string, hurt: ConnectionHurt | null) => void
}
export type Faults = ReturnType<typeof createFaults>

export function createFaults(given: {
  net: Net
  masterDisk: Disk
  slaveDisk: Disk
  random: Random
  randomPerStream: (stream: number) => Random
}) {
  const { net, random } = given
  const counts = Object.fromEntries(Object.keys(PER_MINUTE).map((name) => [name, 0]))
  const oneWay = { partitions: 0, linksDown: 0 }
  const armed = new Set<Armed>()
  const busy = new Set<unknown>()
  const halt = new AbortController()
  let streams: Promise<void>[] = []
  let rarer = 1

  const acts: Record<FaultName, (chance: Random) => boolean | Promise<boolean>> = {
    masterKill: (chance) =>
      atPoint(chance, MASTER_POINTS, null, (point) => {
        if (net.master.kill(point, chance.exponential(150))) count('masterKill')
      }),
    slaveKill(chance) {
      const slave = pickSlave(chance, ({ member }) => member.isUp || member.isStopped)
      if (!slave) return false
      return atPoint(chance, SLAVE_POINTS, slave.member.name, (point) => {
        killSlave(slave, point, chance)
        // A start costs seconds of computing, so some do not get far: killed as they register.
        if (chance.next() > KILLED_AGAIN) return
        const strike = (again: string): void => killSlave(slave, again, chance)
        armed.add({ point: 'registration passed', slave: slave.member.name, strike })
      })
    },
    executorKill(chance) {
      const pid = pickExecutor(chance)
      return pid !== undefined && signal(pid, 'SIGKILL')
    },
    masterPause: (chance) => net.master.pause(pauseMs(chance)),
    slavePause: async (chance) =>
      (await pickSlave(chance, ({ member }) => member.isUp)?.member.pause(pauseMs(chance))) ??
      false,
    async executorPause(chance) {
      const pid = pickExecutor(chance)
      if (pid === undefined || !signal(pid, 'SIGSTOP')) return false
      await rest(pauseMs(chance))
      signal(pid, 'SIGCONT')
      return true
    },
    partition,
    async mood(chance) {
      const proxy = net.proxies[chance.integer(net.proxies.length)]
      return exclusively(proxy, async () => {
        proxy?.setMood(drawMood(chance))
        await rest(chance.next() * 2_500)
        proxy?.setMood(CALM)
      })
    },
    pointHurt(chance) {
      const points: Point[] = [
        'offer passed',
        'callback passed',
        'heartbeat passed',
        'batch passed',
      ]
      return atPoint(chance, points, null, (_point, hurt) => {
        if (!hurt) return
        if (chance.next() < 0.6) hurt.swallowReply()
        else hurt.reset()
        count('pointHurt')
      })
    },
    resetAll(chance) {
      net.proxies[chance.integer(net.proxies.length)]?.resetAll()
      return true
    },
    masterDiskFull: (chance) => fill(given.masterDisk, chance),
    slaveDiskFull: (chance) => fill(given.slaveDisk, chance),
  }
  /** These count themselves, when they strike. */
  const counted: FaultName[] = ['masterKill', 'slaveKill', 'pointHurt']

  return {
    counts,
    oneWay,

    /** A named point was just passed: what is armed for it strikes. */
    reach(point: Point, slave: string, hurt: ConnectionHurt | null): void {
      for (const one of armed) {
        if (one.point !== point || (one.slave !== null && one.slave !== slave)) continue
        armed.delete(one)
        const waitMs = random.next() < 0.5 ? 0 : random.exponential(2)
        if (waitMs === 0) one.strike(point, hurt)
        else setTimeout(() => one.strike(point, hurt), waitMs)
        return
      }
    },

    start(): void {
      const names = Object.keys(PER_MINUTE) as FaultName[]
      streams = names.map((name, i) => stream(name, given.randomPerStream(i)))
    },

    /** From now on each is so many times as rare. */
    ease(times: number): void {
      rarer = times
    },

    /** No more faults; what was done is undone. */
    async stop(): Promise<void> {
      halt.abort()
      await Promise.all(streams)
      armed.clear()
      for (const proxy of net.proxies) proxy.heal()
      for (const { namespace } of net.slaves) namespace?.link(true)
      for (const { member } of net.slaves)
        for (const pid of member.executors()) signal(pid, 'SIGCONT')
      for (const disk of [given.masterDisk, given.slaveDisk]) disk.empty()
    },
  }

  async function stream(name: FaultName, chance: Random): Promise<void> {
    const under: Promise<void>[] = []
    for (;;) {
      await rest(chance.exponential((60_000 * rarer) / PER_MINUTE[name]))
      if (halt.signal.aborted) break
      under.push(act(name, chance))
    }
    await Promise.all(under)
  }

  async function act(name: FaultName, chance: Random): Promise<void> {
    const happened = await acts[name](chance)
    if (happened && !counted.includes(name)) count(name)
  }

  function killSlave({ member }: SlaveNode, point: string, chance: Random): void {
    if (member.kill(point, chance.exponential(200))) count('slaveKill')
  }

  function count(name: FaultName): void {
    counts[name] = (counts[name] ?? 0) + 1
  }

  /** A rest that ends early when the run ends. */
  async function rest(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: halt.signal }).catch(() => {})
  }

  /** Strikes at a random moment, or, mostly, when a random one of these points is passed. */
  async function atPoint(
    chance: Random,
    points: Point[],
    slave: string | null,
    strike: Armed['strike'],
  ): Promise<boolean> {
    const point = points[chance.integer(points.length)] as Point
    if (chance.next() < 0.35) {
      strike('any moment', null)
      return true
    }
    const one = { point, slave, strike }
    armed.add(one)
    await rest(ARMED_MS)
    if (armed.delete(one)) strike('any moment', null)
    return true
  }

  /** Cuts some of the ways between a slave, the master and the clients, often for over a lease. */
  async function partition(chance: Random): Promise<boolean> {
    const slave = pickSlave(chance, () => true) as SlaveNode
    const directions: Direction[] = ['forward', 'backward']
    const one = [directions[chance.integer(2)] as Direction]
    const ms = Math.min(PAUSE_MS_MAX, chance.lognormal(1.3 * LEASE_MS, 0.6))
    if (slave.namespace && chance.next() < 0.5) {
      return exclusively(slave.namespace, async () => {
        slave.namespace?.link(false)
        oneWay.linksDown++
        await rest(ms)
        slave.namespace?.link(true)
      })
    }
    const ways = [
      { proxies: [slave.to, slave.from], directions },
      { proxies: [slave.to], directions },
      { proxies: [slave.from], directions },
      { proxies: [slave.to], directions: one },
      { proxies: [slave.from], directions: one },
      { proxies: [net.front], directions: chance.next() < 0.5 ? one : directions },
    ]
    const way = ways[chance.integer(ways.length)] as (typeof ways)[number]
    if (way.proxies.length === 1) oneWay.partitions++
    return exclusively(way.proxies[0], async () => {
      for (const proxy of way.proxies) proxy.partition(...way.directions)
      await rest(ms)
      for (const proxy of way.proxies) {
        // After a long silence TCP goes on, or has given up.
        if (chance.next() < 0.4) proxy.resetAll()
        proxy.heal()
      }
    })
  }

  async function fill(disk: Disk, chance: Random): Promise<boolean> {
    return exclusively(disk, async () => {
      if (!disk.fill()) return false
      await rest(500 + chance.exponential(1_500))
      disk.empty()
      return true
    })
  }

  async function exclusively(
    thing: unknown,
    run: () => Promise<boolean | undefined>,
  ): Promise<boolean> {
    if (busy.has(thing)) return false
    busy.add(thing)
    try {
      return (await run()) ?? true
    } finally {
      busy.delete(thing)
    }
  }

  function pickSlave(chance: Random, fits: (slave: SlaveNode) => boolean): SlaveNode | undefined {
    const slaves = net.slaves.filter(fits)
    return slaves[chance.integer(slaves.length)]
  }

  function pickExecutor(chance: Random): number | undefined {
    const pids = pickSlave(chance, ({ member }) => member.isUp)?.member.executors() ?? []
    return pids[chance.integer(pids.length)]
  }

  function pauseMs(chance: Random): number {
    return Math.min(PAUSE_MS_MAX, chance.lognormal(0.9 * LEASE_MS, 1.5))
  }
}
