import t from 'tap'
import { readSource } from './change.ts'

const ASKING = `
/** const kept = 1 stands in this comment. */
export function offer(task: Task, count: number): number {
  const kept = Math.min( // the smaller
    task.count,
    count,
  )
  return kept
}
export const LIMIT = 7
`
const STORE = `
export function openStore() {
  return { trim(rows: number) { return rows - 1 }, load: () => 'text  of two' }
}
class Heap { pop() { return 1 } }
export function trim(rows: number) { return rows - 1 }
export function pop() { return 1; return 1 }
`
const source = readSource('', { 'master/core/asking.ts': ASKING, 'master/store/sqlite.ts': STORE })
const change = (within: string, find: string, replace = '0') =>
  source.change({ in: within, find, replace })

t.test('finds code by the function around it, whatever its layout and comments are', async (t) => {
  const { file, text } = change(
    'offer',
    'const kept = Math.min(task.count, count)',
    'const kept = 1',
  )
  t.equal(file, 'master/core/asking.ts')
  t.match(text, 'number {\n  const kept = 1\n  return kept')
  t.match(change('LIMIT', '7', '8').text, 'LIMIT = 8', 'a constant of the module')
  t.match(change('load', "'text of two'").text, 'load: () => 0', 'a method')
})

t.test('tells functions of one name apart by more of the path', async (t) => {
  t.throws(
    () => change('trim', 'rows - 1'),
    /stands 2 times in trim; it stands in sqlite.openStore/,
  )
  t.match(change('openStore.trim', 'rows - 1').text, /trim\(rows: number\) \{ return 0 \}, load/)
  t.match(
    change('sqlite.trim', 'rows - 1').text,
    /export function trim\(rows: number\) \{ return 0/,
  )
  t.match(change('Heap.pop', 'return 1').text, 'class Heap { pop() { 0 } }')
})

t.test('refuses what does not fit once, and says where the code is', async (t) => {
  t.throws(() => change('offer', 'nothing'), /stands 0 times in offer, and nowhere else/)
  t.throws(() => change('renamed', 'return kept'), /0 times in renamed; it stands in asking.offer/)
  t.throws(() => change('sqlite.pop', 'return 1'), /stands 2 times/)
  t.throws(() => change('offer', 'return kep'), /stands 0 times/, 'half a word')
  t.throws(() => change('offer', 'stands in this comment'), /stands 0 times/)
})

t.test('refuses a change that gives no program', async (t) => {
  t.throws(() => change('offer', 'return kept', 'return ('), /is no program/)
})
