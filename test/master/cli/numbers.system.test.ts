// The command line, beside a master in this process.

import t from 'tap'
import { startTextSpeakers } from '../text-speakers.ts'
import { askfirst } from './askfirst.ts'

t.test('the command line prints numbers as they were written, and sends them so', async (t) => {
  const { send, offered, url } = await startTextSpeakers(t, 'memory')
  const poll = send('GET', '/get_task?slave=w&kinds=polled')
  await send('GET', '/get_task?slave=v&kinds=none&wait=0')
  const numbers = '[-0.0,1e400,12345678901234567890,1.10]'
  const submit = ['submit', '--kind', 'polled', '--input', numbers, '--no-wait']
  await askfirst(t, url, submit)
  const { text } = await poll
  t.match(text, `"input":${numbers}`, 'from --input')
  const { task } = JSON.parse(text) as { task: string }
  await send('POST', '/submit_result', `{"task":"${task}","result":${numbers}}`)
  for (const command of [['task', task], ['tasks']] as const) {
    const { stdout: shown } = await askfirst(t, url, [...command, '--json'])
    t.match(shown, `"input":${numbers}`, command[0])
    t.match(shown, `"result":${numbers}`, command[0])
    t.match(shown, '"tries":1', 'figures of the master are numbers')
  }
  t.same(offered, [])
})
