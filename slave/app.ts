// The slave without its process: everything but settings, signals and exit. Its routes are listed
// here.

import { randomBytes, randomUUIDv7 } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import type { Static } from 'typebox'
import { systemClock } from '../shared/clock.ts'
import { kindNames } from '../shared/kind.ts'
import { createLog } from '../shared/log.ts'
import { createRandom } from '../shared/random.ts'
import { createServer } from '../shared/server.ts'
import { VERSION } from '../shared/version.ts'
import { createAgent } from './agent.ts'
import { createPool } from './executor/pool.ts'
import { createLink } from './link.ts'
import { openOutboxDisk } from './outbox-disk.ts'
import { availability } from './routes/availability.ts'
import { offers } from './routes/offers.ts'
import type { SlaveSettings } from './settings.ts'

export type SlaveApp = Awaited<ReturnType<typeof startSlave>>

/** Starts a slave: it listens, then registers with its master, again and again until it may. */
export async function startSlave(settings: Readonly<Static<typeof SlaveSettings>>) {
  const log = createLog(settings.name, settings.logLevel)
  const kinds = settings.kinds.length > 0 ? settings.kinds : await kindNames()
  const server = createServer({ log, bodyBytesMax: settings.bodyBytesMax })
  let url = settings.advertise ?? ''
  const agent = createAgent({
    name: settings.name,
    boot: randomUUIDv7(),
    version: VERSION,
    url: () => url,
    pull: settings.pull,
    slots: settings.slots ?? settings.executors,
    kinds,
    tags: settings.tags,
    outboxMax: settings.outboxMax,
    link: createLink(settings.master, {
      timeoutMs: settings.requestTimeoutMs,
      pull: settings.pull,
    }),
    clock: systemClock,
    random: createRandom(randomBytes(6).readUIntBE(0, 6)),
    disk: settings.data === undefined ? null : openOutboxDisk(settings.data),
    executors: (onEnded) =>
      createPool({
        size: settings.executors,
        kinds,
        heapMb: settings.executorHeapMb,
        resultBytesMax: settings.resultBytesMax,
        onEnded,
        onTrouble: (words) => log.error(words),
      }),
    log,
  })
  await server.register(offers, { agent })
  await server.register(availability, { agent })
  await server.listen({ host: settings.host, port: settings.port })
  const { port } = server.server.address() as AddressInfo
  url ||= `http://${settings.host.includes(':') ? `[${settings.host}]` : settings.host}:${port}`
  agent.start()
  let closed: Promise<void> | undefined

  return {
    url,
    agent,
    /** Finishes what it has, says goodbye, then closes; gives up the wait after `drainMs`. */
    async stop(reason: string): Promise<void> {
      let timer: NodeJS.Timeout | undefined
      const patience = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, settings.drainMs)
      })
      await Promise.race([agent.drain(reason), patience])
      clearTimeout(timer)
      await agent.leave()
      await this.close()
    },
    /** Closes at once. Idempotent. */
    close(): Promise<void> {
      closed ??= Promise.all([server.close(), agent.close()]).then(() => {})
      return closed
    },
  }
}
