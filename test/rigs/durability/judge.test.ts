// The judge of the durability check, on traces as strace prints them.

import t from 'tap'
import { numberOf, tailOf } from '../../../master/store/task-numbers.ts'
import { bytesOf, judge } from './judge.ts'

const TASK = '01a1fdd2-3443-73f8-8d1d-151e4942aa8d'
const OTHER = '01a1fdd2-3446-7ed5-8727-07a44763014b'
const LOG = '22</data/askfirst.sqlite-wal>'

/** One transaction: the header of the frame that ends it, and its page. */
const commit = (...rows: string[]): string[] => [
  `7 pwrite64(${LOG}, "\\0\\0\\0\\5\\0\\0\\0\\7${'\\1'.repeat(16)}", 24, 32) = 24`,
  `7 pwrite64(${LOG}, "\\r\\000${rows.join('expression\\000')}", 4096, 56) = 4096`,
]
/** A row of an accepted task: its number, a header, the end of its id. */
const taken = (task: string): string => octal(rowOf(task, tailOf(task)))
/** A row of a task that ended, or of a live one. */
const stands = (task: string, status: string): string => octal(rowOf(task, status))
const rowOf = (task: string, first: string): string =>
  `${bytesOf(numberOf(task) as number)}\x0e${'\x01'.repeat(13)}${first}`
/** As strace prints bytes. */
const octal = (text: string): string =>
  text.replace(/[^ -~]/g, (byte) => `\\${byte.charCodeAt(0).toString(8).padStart(3, '0')}`)
const sync = `9 fdatasync(30</data/askfirst.sqlite-wal>) = 0`
const says = (text: string, socket = 5): string =>
  `7 write(31<socket:[${socket}]>, ${JSON.stringify(text)}, 99) = 99`
const hears = (text: string, socket = 6): string =>
  `7 read(24<socket:[${socket}]>, ${JSON.stringify(text)}, 65536) = 99`

const accepted = `HTTP/1.1 202 Accepted\r\nlocation: /tasks/x\r\n\r\n{"id":"${TASK}","status":"pending"}`
const outcome = (attempt: string, task: string, type?: string) =>
  `{"attempt":"${attempt}","task":"${task}","outcome":{"status":` +
  (type === undefined ? '"done","result":1},"ranMs":1}' : `"failed","type":"${type}"},"ranMs":1}`)
const callbacks = (...all: string[]): string =>
  `POST /callbacks HTTP/1.1\r\n\r\n{"state":{},"callbacks":[${all.join(',')}]}`
const acknowledged = (...attempts: string[]): string =>
  `HTTP/1.1 200 OK\r\n\r\n${JSON.stringify({ acknowledged: attempts })}`

const judged = (...lines: (string | string[])[]) => judge(lines.flat().join('\n'))

t.test('a 202 is right after the sync of its commit, and wrong before', async (t) => {
  t.same(judged(commit(taken(TASK)), sync, says(accepted)), { promises: 1, broken: [] })
  t.match(judged(commit(taken(TASK)), says(accepted), sync).broken, [/not synced since/])
  t.match(judged(says(accepted)).broken, [/never written/])
})

t.test('an outcome is acknowledged after the sync of the end of its task', async (t) => {
  const heard = hears(callbacks(outcome('a', TASK), outcome('b', OTHER)))
  const answer = says(acknowledged('a', 'b'))
  t.same(
    judged(heard, commit(stands(TASK, 'done'), stands(OTHER, 'done')), sync, answer).broken,
    [],
  )
  t.match(
    judged(
      heard,
      commit(stands(TASK, 'done'), stands(OTHER, 'in progress'), taken(OTHER)),
      sync,
      answer,
    ).broken,
    [/b, never written/],
  )
})

t.test('a sync that began before a write does not cover it', async (t) => {
  const began = `9 fdatasync(30</data/askfirst.sqlite-wal> <unfinished ...>`
  const ends = `9 <... fdatasync resumed>) = 0`
  t.same(judged(commit(taken(TASK)), began, ends, says(accepted)).broken, [])
  t.match(judged(began, commit(taken(TASK)), ends, says(accepted)).broken, [/not synced since/])
})

t.test('a sync inside a transaction does not cover it', async (t) => {
  const [header = '', page = ''] = commit(taken(TASK))
  const first = header.replace('\\0\\0\\0\\7', '\\0\\0\\0\\0')
  t.same(judged(first, page, commit(taken(OTHER)), sync, says(accepted)).broken, [])
  t.match(judged(first, page, sync, commit(taken(OTHER)), says(accepted)).broken, [
    /not synced since/,
  ])
})

t.test('a sync that failed covers nothing', async (t) => {
  const failed = sync.replace('= 0', '= -1 EIO (Input/output error)')
  t.match(judged(commit(taken(TASK)), failed, says(accepted)).broken, [/not synced since/])
})

t.test('a request that comes in pieces and on two lines is heard whole', async (t) => {
  const text = callbacks(outcome('a', OTHER), outcome('b', TASK))
  const at = text.indexOf(TASK) + 9
  const rest = JSON.stringify(text.slice(at))
  const lines = [
    hears(text.slice(0, at)),
    hears('POST /tasks HTTP/1.1\r\n\r\n{}', 8),
    '7 read(24<socket:[6]>,  <unfinished ...>',
    '9 fdatasync(30</data/askfirst.sqlite-wal>) = 0',
    `7 <... read resumed>${rest}, 65536) = 99`,
  ]
  const ends = commit(stands(TASK, 'done'), stands(OTHER, 'done'))
  t.same(judged(lines, ends, sync, says(acknowledged('a', 'b'))), { promises: 2, broken: [] })
})

t.test('an answer that goes out in pieces is a promise once its id is out', async (t) => {
  const [head = '', body = ''] = accepted.split(/(?<=\r\n\r\n)/)
  t.same(judged(commit(taken(TASK)), sync, says(head), says(body)), { promises: 1, broken: [] })
  t.match(judged(commit(taken(TASK)), says(head), says(body)).broken, [/not synced since/])
  const both = `7 writev(31<socket:[5]>, [{iov_base=${JSON.stringify(head)}, iov_len=9}, {iov_base=${JSON.stringify(body)}, iov_len=9}], 2) = 18`
  t.match(judged(commit(taken(TASK)), both).broken, [/not synced since/])
})

t.test('a failure that is tried again promises nothing, any other does', async (t) => {
  const crashed = hears(callbacks(outcome('a', TASK, 'executor-crashed')))
  t.same(judged(crashed, says(acknowledged('a'))).promises, 0)
  const failed = hears(callbacks(outcome('a', TASK, 'evaluation')))
  t.same(judged(failed, commit(stands(TASK, 'failed')), sync, says(acknowledged('a'))).broken, [])
  t.match(judged(failed, commit(taken(TASK)), sync, says(acknowledged('a'))).broken, [
    /never written/,
  ])
})

t.test('a trace that is cut short is not judged', async (t) => {
  const cut = hears(callbacks(outcome('a', TASK))).replace('", 65536', '"..., 65536')
  t.throws(() => judged(cut), /is cut: strace needs a larger -s/)
  const elsewhere = '7 read(24</lib/x.js>, "import"..., 65536) = 99'
  t.same(judged(elsewhere), { promises: 0, broken: [] })
})
