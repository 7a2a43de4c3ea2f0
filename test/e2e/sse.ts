// Reads a stream of server-sent events (WHATWG HTML, 9.2) until it is closed.

export type Sent = { id: string | null; name: string; data: Record<string, unknown> }

/** Opens a stream; `next` waits for the first event from here on that is wanted. */
export async function readEvents(url: string, headers: Record<string, string> = {}) {
  const stop = new AbortController()
  const response = await fetch(url, { headers, signal: stop.signal })
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  const waiting: Sent[] = []
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    async next(wanted: (sent: Sent) => boolean = () => true): Promise<Sent> {
      for (;;) {
        for (let sent = waiting.shift(); sent; sent = waiting.shift()) if (wanted(sent)) return sent
        const { value, done } = (await reader?.read()) ?? { value: '', done: true }
        if (done) throw new Error('the stream ended')
        text += value
        const blocks = text.split('\n\n')
        text = blocks.pop() ?? ''
        waiting.push(...blocks.flatMap(parse))
      }
    },
    close: () => stop.abort(),
  }
}

function parse(block: string): Sent[] {
  const field = (name: string): string | null =>
    new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1] ?? null
  const data = field('data')
  if (data === null) return []
  const name = field('event') ?? 'message'
  return [{ id: field('id'), name, data: JSON.parse(data) as Sent['data'] }]
}
