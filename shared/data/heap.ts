// An indexed binary heap: the least of many at hand, and any of them out again, in O(log n). It owns
// the order and nothing else. Deadlines and the waiting line stand on it.
//
// An item carries its place as `heapIndex` (-1 while it is in no heap), so that `remove` and
// `update` need no search and no map. Therefore an item is in one heap at a time.

import assert from 'node:assert'

export type HeapItem = { heapIndex: number }

export type Heap<T extends HeapItem> = ReturnType<typeof createHeap<T>>

/**
 * A heap whose top is the item that goes `before` all others. `before` must be a strict order
 * (never both a before b and b before a). Items that are equal by it come out in no promised order:
 * break ties in `before` itself, by a serial number, say.
 */
export function createHeap<T extends HeapItem>(before: (a: T, b: T) => boolean) {
  const items: T[] = []

  /** Adds an item that is in no heap. */
  function push(item: T): void {
    assert(item.heapIndex === -1, 'an item is in one heap at a time')
    rise(item, items.length)
  }

  /** The first item, which stays; undefined when empty. */
  function peek(): T | undefined {
    return items[0]
  }

  /** Takes the first item out; undefined when empty. */
  function pop(): T | undefined {
    const first = items[0]
    if (first) remove(first)
    return first
  }

  /** Takes an item out. Gives false, and changes nothing, when it is not in this heap. */
  function remove(item: T): boolean {
    const index = item.heapIndex
    if (items[index] !== item) return false
    item.heapIndex = -1
    const last = items.pop() as T
    if (last !== item) settle(last, index)
    return true
  }

  /** Finds the new place of an item of this heap whose key has changed. */
  function update(item: T): void {
    assert(items[item.heapIndex] === item, 'the item is not in this heap')
    settle(item, item.heapIndex)
  }

  /** The number of items. */
  const size = (): number => items.length

  /** All items, first one first, the rest in no order. Do not push or remove meanwhile. */
  const values = (): IterableIterator<T> => items.values()

  function settle(item: T, index: number): void {
    if (index > 0 && before(item, items[(index - 1) >> 1] as T)) rise(item, index)
    else sink(item, index)
  }

  function rise(item: T, from: number): void {
    let index = from
    while (index > 0) {
      const up = (index - 1) >> 1
      const above = items[up] as T
      if (!before(item, above)) break
      items[index] = above
      above.heapIndex = index
      index = up
    }
    items[index] = item
    item.heapIndex = index
  }

  function sink(item: T, from: number): void {
    const length = items.length
    let index = from
    for (let down = 2 * index + 1; down < length; down = 2 * index + 1) {
      if (down + 1 < length && before(items[down + 1] as T, items[down] as T)) down++
      const below = items[down] as T
      if (!before(below, item)) break
      items[index] = below
      below.heapIndex = index
      index = down
    }
    items[index] = item
    item.heapIndex = index
  }

  return { push, peek, pop, remove, update, size, values }
}
