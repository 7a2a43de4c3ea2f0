// A photograph in strips: the upper half made gray by a slave in Python, the lower half brown by one
// of ours, and stitched.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { kindNames } from '../../../shared/kinds/load-kinds.ts'
import type { Fleet } from '../fleet.ts'
import { REQUEST_MS, ROOT } from '../fleet.ts'
import { findPython } from '../python.ts'

const PHOTO = 'test/fixtures/photo.jpg'
const GRAY = 'image-filter.grayscale'

type Strip = { top: number; height: number; filter: string; slave: string }

export async function image(
  fleet: Fleet,
  say: (line: string) => void,
  path = 'askfirst-data/tour.png',
): Promise<void> {
  const python = findPython()
  const ours = (await kindNames()).filter((name) => name.startsWith('image-filter'))
  const kinds = ours.filter((name) => python === undefined || name !== GRAY)
  if (python) await fleet.pythonSlave(python, 'python-1', ['--slots', '1'])
  await fleet.slave('node-1', ['--kinds', kinds.join()])
  say(
    python
      ? 'A master; python-1, in Python, the only slave that offers grayscale; and node-1, in TypeScript.'
      : 'A master and node-1. There is no python3 with Pillow here: node-1 also does grayscale.',
  )
  const body = readFileSync(join(ROOT, PHOTO))
  const headers = { 'content-type': 'image/jpeg' }
  const response = await fetch(`${fleet.master}/blobs`, {
    method: 'PUT',
    headers,
    body,
    signal: AbortSignal.timeout(REQUEST_MS),
  })
  const { sha256 } = (await response.json()) as { sha256: string }
  const input = { image: sha256, filters: ['grayscale', 'sepia'] }
  const { id, result } = await fleet.run({ kind: 'image-filter', parts: 4, input })
  const { width, height, strips } = result as { width: number; height: number; strips: Strip[] }
  say(`${PHOTO}, ${width} x ${height}, in ${strips.length} strips:\n`)
  for (const { top, height, filter, slave } of strips) {
    say(`  rows ${`${top} to ${top + height - 1}`.padEnd(10)}  ${filter.padEnd(9)}  ${slave}`)
  }
  const signal = AbortSignal.timeout(REQUEST_MS)
  const stitched = await fetch(`${fleet.master}/jobs/${id}/result`, { signal })
  const file = resolve(path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, Buffer.from(await stitched.arrayBuffer()))
  say(`\nstitched: ${path}`)
}
