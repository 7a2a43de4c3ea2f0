// The end of a program's output.

import t from 'tap'
import { createTail } from '../../../slave/commands/launcher/tail.ts'

function tailOf(bytesMax: number, ...parts: (string | Buffer)[]) {
  const tail = createTail(bytesMax)
  for (const part of parts) tail.push(Buffer.from(part))
  return tail
}

t.test('keeps all of a short output, the end of a long one, and counts both', async (t) => {
  t.equal(tailOf(10).text(), '')
  t.equal(tailOf(10, 'abc', 'def').text(), 'abcdef')
  const tail = tailOf(10, 'a'.repeat(1000), 'b'.repeat(8))
  t.equal(tail.text(), `aa${'b'.repeat(8)}`)
  t.equal(tail.bytes, 1008)
})

t.test('goes on after it was read', async (t) => {
  const tail = tailOf(4, 'abcdef')
  t.equal(tail.text(), 'cdef')
  tail.push(Buffer.from('gh'))
  t.equal(tail.text(), 'efgh')
})

t.test('leaves out a character that the limit cuts, and replaces what is no UTF-8', async (t) => {
  t.equal(tailOf(4, '\u20ac\u20ac').text(), '\u20ac', 'six bytes, of which the last four are kept')
  t.equal(tailOf(9, 'x', Buffer.from([0xff, 0x41])).text(), 'x\ufffdA')
  t.equal(tailOf(9, Buffer.from([0x80, 0x41])).text(), '\ufffdA', 'nothing was cut')
  t.equal(tailOf(9, '\ufeffA').text(), '\ufeffA')
})

t.test('holds a bounded amount, however the output comes', async (t) => {
  const tail = createTail(65_536)
  for (let n = 0; n < 300_000; n++) tail.push(Buffer.from('.'))
  t.equal(tail.text().length, 65_536)
  t.equal(tail.bytes, 300_000)
})
