// A slave in Python with Pillow filters strips just as ours do. Needs python3 with python3-pil.

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import type { Kind } from '../../../../shared/kinds/kind.ts'
import { expected, filterImage, kinds, photograph, pixelsOf, png } from './images.ts'

const GRAYSCALE = `
import sys
from PIL import Image
strip = Image.open(sys.argv[1])
gray = strip.convert('RGB').convert('L')
bands = [gray, gray, gray] + ([strip.getchannel('A')] if strip.mode == 'RGBA' else [])
Image.merge(strip.mode, bands).save(sys.argv[2])
`

const python = ['python3', '/usr/bin/python3'].find(
  (name) => spawnSync(name, ['-c', 'import PIL.Image']).status === 0,
)

const inPython: Kind = {
  ...(kinds.get('image-filter.grayscale') as Kind),
  async run(_, { files, out }) {
    const args = ['-c', GRAYSCALE, files['strip.png'] as string, join(out, 'strip.png')]
    const { status, stderr } = spawnSync(python as string, args, { encoding: 'utf8' })
    if (status !== 0) throw new Error(stderr)
    return { result: { width: 1, height: 1 } }
  },
}

const skip = python ? false : 'python3 with Pillow (python3-pil) is not installed'

t.test('Pillow gives the same grayscale, strip by strip', { skip }, async (t) => {
  for (const channels of [3, 4] as const) {
    const image = photograph(200, 150, channels)
    const wanted = expected(image, ['grayscale'])
    const { bytes } = await filterImage(await png(image), { filter: 'grayscale' }, 3, [inPython])
    const found = await pixelsOf(bytes)
    t.equal(found.channels, channels)
    t.ok(Buffer.from(found.data).equals(wanted.data))
  }
})
