// The requests of the load, as text: every task a different expression, `2+3*N`, and every request
// of one sort the same length, so that its head is made once.

/** N has seven digits. */
const FIRST = 1_000_000
const MANY = 9_000_000

export const numberOf = (i: number): number => FIRST + (i % MANY)
export const resultOf = (i: number): number => 2 + 3 * numberOf(i)

const task = (i: number): string => `{"expression":"2+3*${numberOf(i)}"}`

/** Makes the request for tasks `i` to `i + batch - 1`. */
export function createRequests(url: string, { batch, waits }: { batch: number; waits: boolean }) {
  const { host } = new URL(url)
  const length = bodyOf(0, batch).length
  const head =
    `POST ${batch === 1 ? '/tasks' : '/tasks/batch'} HTTP/1.1\r\nHost: ${host}\r\n` +
    `${waits ? 'Prefer: wait=10\r\n' : ''}` +
    `Content-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`
  return (i: number): string => head + bodyOf(i, batch)
}

function bodyOf(from: number, batch: number): string {
  if (batch === 1) return task(from)
  let text = `{"tasks":[${task(from)}`
  for (let i = from + 1; i < from + batch; i++) text += `,${task(i)}`
  return `${text}]}`
}

export const getRequest = (url: string, path: string): string =>
  `GET ${path} HTTP/1.1\r\nHost: ${new URL(url).host}\r\n\r\n`
