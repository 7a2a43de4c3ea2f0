import t from 'tap'
import { createLog } from '../../../shared/process/log.ts'

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

t.test('text of others steers no terminal and begins no line, wherever it stands', async (t) => {
  const hostile = 'a\u001b]0;X\u0007b\u009b31mc\u007fd\u202ee\ud800f\rFORGED\nFORGED'
  const harmful = /[^\P{Cc}\n]|[\p{Zl}\p{Zp}\p{Bidi_Control}\p{Cs}]/u
  for (const format of ['json', 'pretty'] as const) {
    for (const about of [{ slave: hostile }, { [hostile]: [{ [hostile]: hostile }] }]) {
      const line = await lineOf(format, about)
      t.notMatch(line, harmful, format)
      t.equal(line.split('\n').length, 2, `${format} is one line`)
      if (format === 'json') t.match(JSON.parse(line), about, 'what is read from it is the same')
    }
    const error = await lineOf(format, { err: new Error(hostile) })
    t.notMatch(error, harmful, format)
    t.notMatch(error, /^FORGED/m, format)
  }
})
