import t from 'tap'
import { createLog } from '../../shared/log.ts'

/** What is written when one line is logged. */
async function lineOf(format: 'json' | 'pretty', about: object): Promise<string> {
  let text = ''
  const to = { write: (chunk: string) => void (text += chunk) }
  if (format === 'pretty') {
    const { Writable } = await import('node:stream')
    const stream = new Writable({
      write(chunk, _encoding, done) {
        text += chunk
        done()
      },
    })
    const log = await createLog('master', 'info', format, stream)
    log.info(about, 'said')
    return text
  }
  const log = await createLog('master', 'info', format, to)
  log.info(about, 'said')
  return text
}

t.test('writes one line of JSON', async (t) => {
  const line = await lineOf('json', { task: 't1' })
  t.match(JSON.parse(line), { level: 30, name: 'master', task: 't1', msg: 'said' })
  t.match(line, /^[^\n]+\n$/)
})

t.test('writes one line that a person reads', async (t) => {
  const line = await lineOf('pretty', { task: 't1' })
  t.match(line, /^\[\d\d:\d\d:\d\d\.\d+\] INFO \(master\): said \{"task":"t1"\}\n$/)
})

t.test('lets no secret out, in whatever it is wrapped', async (t) => {
  const secret = 'hunter2'
  const names = ['authorization', 'cookie', 'x-api-key', 'token', 'ticket', 'password', 'key']
  for (const name of names) {
    for (const about of [
      { [name]: secret },
      { headers: { [name]: secret } },
      { request: { headers: { [name]: secret } } },
    ]) {
      for (const format of ['json', 'pretty'] as const) {
        const line = await lineOf(format, about)
        t.notMatch(line, secret, `${name} in ${format}`)
        t.match(line, 'Redacted')
      }
    }
  }
  t.match(await lineOf('json', { headers: { accept: secret } }), secret, 'what is none is written')
})
