// The processes of a run and the proxies between them: clients - master, and for every slave one
// proxy each way. Owns the wiring, and tells which named point of the protocol was just passed.
//
//   clients --> [front] --> master --> [to NAME] --> slave
//                             ^                        |
//                             +------ [from NAME] <----+

import { join } from 'node:path'
import type { Random } from '../../../shared/data/random.ts'
import type { Member } from './fleet.ts'
import { createMember } from './fleet.ts'
import type { Disk, Namespace, Place } from './places.ts'
import { freePort } from './places.ts'
import type { ConnectionHurt, Direction, FaultProxy } from './proxy.ts'
import { openProxy } from './proxy.ts'

/** Moments at which a fault may strike. */
export const POINTS = [
  '202 read',
  'batch passed',
  'cancel passed',
  'offer passed',
  'offer answered',
  'callback passed',
  'callback answered',
  'heartbeat passed',
  'registration passed',
] as const
export type Point = (typeof POINTS)[number]
/** `slave`: at which link; empty for the clients' own. */
export type Reach = (point: Point, slave: string, hurt: ConnectionHurt | null) => void

export const HEARTBEAT_MS = 400
export const LEASE_MS = 4 * HEARTBEAT_MS
const LOOPBACK = '127.0.0.1'

export type SlaveNode = {
  member: Member
  to: FaultProxy
  from: FaultProxy
  namespace: Namespace | null
  /** Where it really listens. */
  url: string
}
export type Net = Awaited<ReturnType<typeof createNet>>

export async function createNet(given: {
  place: Place
  masterDisk: Disk
  slaveDisk: Disk
  random: Random
  slaves: number
  namespaces: boolean
  reach: Reach
}) {
  const { place, random, reach } = given
  let masterAt: { host: string; port: number } | null = null
  const master = createMember({
    name: 'master',
    program: 'master/main.ts',
    args: words({
      port: 0,
      data: given.masterDisk.folder,
      'heartbeat-ms': HEARTBEAT_MS,
      'ask-timeout-ms': 400,
      'retry-backoff-ms': 20,
      'attempts-max': 20,
      'waiting-tasks-max': 3_000,
      'log-level': 'error',
      // What listens on loopback only is not asked by other names, nor asks at loopback otherwise.
      ...(given.namespaces ? { host: '0.0.0.0', 'insecure-no-auth': 'true' } : {}),
    }),
    prefix: [],
    logFile: join(place.folder, 'master.log'),
    disk: given.masterDisk,
    onUp: (url) => {
      masterAt = { host: LOOPBACK, port: Number(new URL(url).port) }
      for (const proxy of towardsMaster()) void proxy.listen()
    },
    onDown: () => {
      masterAt = null
      // Sometimes connections are refused, sometimes taken and reset.
      if (random.next() < 0.5) for (const proxy of towardsMaster()) void proxy.stopListening()
    },
  })
  const front = await openProxy({
    name: 'clients to master',
    host: LOOPBACK,
    port: await freePort(random, LOOPBACK),
    target: () => masterAt,
    random,
    onPassed: (text, direction, hurt) => {
      if (direction === 'backward') return
      if (text.startsWith('POST /tasks/batch')) reach('batch passed', '', hurt)
      else if (text.startsWith('DELETE /tasks/')) reach('cancel passed', '', hurt)
    },
  })
  const slaves: SlaveNode[] = []
  for (let i = 1; i <= given.slaves; i++) slaves.push(await createSlave(i))

  return {
    master,
    slaves,
    front,
    proxies: [front, ...slaves.flatMap(({ to, from }) => [to, from])],
    members: [master, ...slaves.map(({ member }) => member)],
    close(): void {
      for (const proxy of [front, ...slaves.flatMap(({ to, from }) => [to, from])]) proxy.close()
    },
  }

  function towardsMaster(): FaultProxy[] {
    return [front, ...slaves.map(({ from }) => from)]
  }

  async function createSlave(number: number): Promise<SlaveNode> {
    const name = `slave-${number}`
    const namespace = given.namespaces ? place.namespace(number) : null
    const [here, there] = namespace ? [namespace.near, namespace.far] : [LOOPBACK, LOOPBACK]
    const port = await freePort(random, here)
    let up = false
    const to = await openProxy({
      name: `master to ${name}`,
      host: here,
      port: await freePort(random, here),
      target: () => (up ? { host: there, port } : null),
      random,
      onPassed: (text, direction, hurt) => see(name, text, direction, hurt),
    })
    const from = await openProxy({
      name: `${name} to master`,
      host: here,
      port: await freePort(random, here),
      target: () => masterAt,
      random,
      onPassed: (text, direction, hurt) => see(name, text, direction, hurt),
    })
    const member = createMember({
      name,
      program: 'slave/main.ts',
      args: words({
        name,
        master: from.url,
        advertise: to.url,
        host: there,
        port,
        data: join(given.slaveDisk.folder, name),
        // A start costs a second of CPU for each: with two everywhere two cores do little else.
        executors: number === 1 ? 2 : 1,
        slots: 4,
        'request-timeout-ms': 1_000,
        'log-level': 'error',
        ...(namespace ? { 'insecure-no-auth': 'true' } : {}),
      }),
      prefix: namespace ? ['ip', 'netns', 'exec', namespace.name] : [],
      logFile: join(place.folder, `${name}.log`),
      disk: given.slaveDisk,
      onUp: () => {
        up = true
        void to.listen()
      },
      onDown: () => {
        up = false
        if (random.next() < 0.5) void to.stopListening()
      },
    })
    return { member, to, from, namespace, url: `http://${there}:${port}` }
  }

  function see(name: string, text: string, direction: Direction, hurt: ConnectionHurt): void {
    if (direction === 'forward') {
      if (text.startsWith('POST /offers')) reach('offer passed', name, hurt)
      else if (text.startsWith('POST /callbacks')) reach('callback passed', name, hurt)
      else if (text.startsWith('POST /slaves/')) reach('heartbeat passed', name, hurt)
      else if (text.startsWith('POST /slaves')) reach('registration passed', name, hurt)
    } else if (text.includes('"answers":')) reach('offer answered', name, hurt)
    else if (text.includes('"acknowledged":')) reach('callback answered', name, hurt)
  }
}

const words = (flags: Record<string, string | number>): string[] =>
  Object.entries(flags).flatMap(([name, value]) =>
    value === 'true' ? [`--${name}`] : [`--${name}`, String(value)],
  )
