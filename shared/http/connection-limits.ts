// Which connections a server keeps. One that has asked nothing yet is silent: silent ones are closed
// after a short time, are bounded per address, and make room for a new one when there is none. So
// whoever opens connections and says nothing keeps nobody else from connecting.
//
//   silent --(a request)--> busy <--(a request, its answer)--> idle
//
// A connection is known by its remote address and port: with TLS, requests come by another socket
// object than connections do.

import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** A connection must bring its first byte within this, in milliseconds. */
const FIRST_BYTE_MS = 5_000
/** It is looked for so often. */
const LOOK_MS = 500
/** Silent connections of one address, and the share of all when few are allowed. */
const SILENT_MAX = 256
const SILENT_SHARE = 0.5
/** In a burst, requests may have arrived that are not read yet: younger ones are not closed for it. */
const FRESH_MS = 1_000

type Connection = {
  socket: Socket
  address: string
  since: number
  asked: boolean
  /** Requests that are not answered. */
  open: number
}

/** Keeps a server to `socketsMax` connections. Before the server listens. */
export function limitConnections(server: HttpServer, socketsMax: number): void {
  const all = new Map<string, Connection>()
  const bySocket = new WeakMap<Socket, Connection>()
  /** In the order in which they came; and how many each address has. */
  const silent = new Set<Connection>()
  const perAddress = new Map<string, number>()
  const silentMax = Math.min(SILENT_MAX, Math.ceil(socketsMax * SILENT_SHARE))
  let sweep: NodeJS.Timeout | undefined

  // One that could not be made room for is closed as it comes.
  server.maxConnections = socketsMax + 1
  server.prependListener('connection', take)
  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    const connection = connectionOf(request.socket)
    if (!connection) return
    if (!connection.asked) speaks(connection)
    connection.open++
    response.once('close', () => connection.open--)
  })
  server.once('close', () => clearInterval(sweep))

  /** By its socket once it has been found by its name: a name is made from what the system says. */
  function connectionOf(socket: Socket): Connection | undefined {
    const known = bySocket.get(socket)
    if (known) return known
    const connection = all.get(nameOf(socket))
    if (connection) bySocket.set(socket, connection)
    return connection
  }

  function take(socket: Socket): void {
    if (all.size >= socketsMax && !makeRoom()) return void socket.destroy()
    sweep ??= setInterval(closeSilent, LOOK_MS)
    const address = socket.remoteAddress ?? ''
    const connection = { socket, address, since: performance.now(), asked: false, open: 0 }
    const name = nameOf(socket)
    all.set(name, connection)
    silent.add(connection)
    const ofAddress = (perAddress.get(address) ?? 0) + 1
    perAddress.set(address, ofAddress)
    socket.once('close', () => {
      speaks(connection)
      if (all.get(name) === connection) all.delete(name)
    })
    if (ofAddress > silentMax) closeOldestOf(address)
  }

  function speaks(connection: Connection): void {
    connection.asked = true
    if (!silent.delete(connection)) return
    const left = (perAddress.get(connection.address) ?? 1) - 1
    if (left > 0) perAddress.set(connection.address, left)
    else perAddress.delete(connection.address)
  }

  /** Closes one that has been silent for a while, or is idle, or has just come. False: all are busy. */
  function makeRoom(): boolean {
    const [oldest] = silent
    const isStale = oldest !== undefined && oldest.since <= performance.now() - FRESH_MS
    const idle = (): Connection | undefined =>
      all.values().find(({ asked, open }) => asked && open === 0)
    const victim = isStale ? oldest : (idle() ?? oldest)
    if (!victim) return false
    close(victim)
    return true
  }

  function closeOldestOf(address: string): void {
    const before = performance.now() - FRESH_MS
    for (const connection of silent) {
      if (connection.since > before) return
      if (connection.address === address) return close(connection)
    }
  }

  function closeSilent(): void {
    const before = performance.now() - FIRST_BYTE_MS
    for (const connection of silent) {
      if (connection.since > before) return
      // What has begun to ask has the time that a request has.
      if (connection.socket.bytesRead === 0) close(connection)
    }
  }

  /** At once, so that it counts no more. */
  function close(connection: Connection): void {
    speaks(connection)
    all.delete(nameOf(connection.socket))
    connection.socket.destroy()
  }
}

const nameOf = ({ remoteAddress = '', remotePort = 0 }: Socket): string =>
  `${remoteAddress} ${remotePort}`
