// A connection to no master: a function answers each request.

import { Readable } from 'node:stream'
import type { Answer, Connection, Request } from '../../../shared/client/connection.ts'

export type FakeReply = {
  value?: unknown
  status?: number
  headers?: Answer['headers']
  bytes?: string
}

/** `answer` is called with each request and its number, from 0; what it throws is thrown. */
export function createFakeConnection(
  answer: (request: Request, number: number) => FakeReply | Promise<FakeReply>,
) {
  const requests: Request[] = []
  const ask = async (request: Request) => {
    requests.push(request)
    const {
      value,
      status = 200,
      headers = {},
      bytes = '',
    } = await answer(request, requests.length - 1)
    const body = Object.assign(Readable.from([Buffer.from(bytes)]), { text: async () => bytes })
    return { status, value, answer: { status, headers, body } }
  }
  const connection: Connection = {
    url: 'http://fake',
    json: async <T>(request: Request) => {
      const { status, value, answer } = await ask(request)
      return { status, value: value as T, answer }
    },
    open: async (request) => (await ask(request)).answer,
    close: async () => {},
  }
  return { connection, requests }
}
