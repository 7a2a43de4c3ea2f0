// A program that holds connections that send nothing: node silent-sockets.ts PORT COUNT ADDRESSES.
// They come from so many addresses of the loopback; each that is closed is opened again a while later. Says
// "open" when it has opened all of them once.

import { connect } from 'node:net'

/** In milliseconds. */
const REST_MS = 5_000
/** Connections that are being opened at a time: fewer than servers leave waiting to be accepted. */
const OPENING_MAX = 100

const [port = 0, count = 0, addresses = 1] = process.argv.slice(2).map(Number)
let opened = 0
let next = 0

function open(i: number, isFirst: boolean): void {
  const from = addresses > 1 ? { localAddress: `127.0.1.${1 + (i % addresses)}` } : {}
  const socket = connect({ port, host: '127.0.0.1', ...from })
  let told = !isFirst
  const tell = (): void => {
    if (told) return
    told = true
    if (++opened === count) process.stdout.write('open\n')
    if (next < count) open(next++, true)
  }
  socket.once('connect', tell).on('error', () => {})
  socket.once('close', () => {
    tell()
    setTimeout(open, REST_MS, i, false)
  })
}

while (next < Math.min(OPENING_MAX, count)) open(next++, true)
