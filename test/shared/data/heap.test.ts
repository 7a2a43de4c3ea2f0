import fc from 'fast-check'
import { test } from 'tap'
import type { HeapItem } from '../../../shared/data/heap.ts'
import { createHeap } from '../../../shared/data/heap.ts'

type Item = HeapItem & { key: number; serial: number }

const before = (a: Item, b: Item): boolean =>
  a.key < b.key || (a.key === b.key && a.serial < b.serial)
const order = (a: Item, b: Item): number => a.key - b.key || a.serial - b.serial

const key = fc.integer({ min: 0, max: 20 })
const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('push' as const), key }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('pop' as const) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('remove' as const), which: fc.nat() }) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant('update' as const), which: fc.nat(), key }),
    },
  ),
  { maxLength: 300, size: 'max' },
)

test('gives what a sorted list gives, whatever is pushed, popped, removed and changed', async (t) => {
  fc.assert(
    fc.property(steps, (all) => {
      const heap = createHeap(before)
      const model: Item[] = []
      let serial = 0
      for (const step of all) {
        const item = 'which' in step ? model[step.which % model.length] : undefined
        if (step.do === 'push') {
          const fresh = { key: step.key, serial: serial++, heapIndex: -1 }
          heap.push(fresh)
          model.push(fresh)
        } else if (step.do === 'pop') {
          const first = heap.pop()
          if (first !== model.shift()) return false
          if (first && first.heapIndex !== -1) return false
        } else if (step.do === 'remove' && item) {
          model.splice(model.indexOf(item), 1)
          if (!heap.remove(item) || heap.remove(item) || item.heapIndex !== -1) return false
        } else if (step.do === 'update' && item) {
          item.key = step.key
          heap.update(item)
        }
        model.sort(order)
        if (heap.peek() !== model[0] || heap.size() !== model.length) return false
      }
      if ([...heap.values()].sort(order).some((item, i) => item !== model[i])) return false
      while (model.length > 0) if (heap.pop() !== model.shift()) return false
      return heap.pop() === undefined && heap.size() === 0
    }),
    { numRuns: 500 },
  )
  t.pass('500 random histories')
})

test('refuses an item that is in a heap already', async (t) => {
  const one = createHeap(before)
  const other = createHeap(before)
  const item = { key: 1, serial: 1, heapIndex: -1 }
  one.push(item)
  t.throws(() => one.push(item), /one heap at a time/)
  t.throws(() => other.push(item), /one heap at a time/)
  t.throws(() => other.update(item), /not in this heap/)
  t.equal(other.remove(item), false)
  t.equal(one.pop(), item)
  other.push(item)
  t.equal(other.peek(), item)
})
