// A process beside a master that does nothing but write a little to the disk and measure the steps of its
// own event loop (loop.ts): what they take is what the machine and its disk take from every process, and no
// fault of a master. Ends with its parent.
//
//   node control.ts FILE-OF-STEPS SCRATCH-FILE

import { fsyncSync, openSync, writeSync } from 'node:fs'
import { watchSteps } from './loop.ts'

const [steps = '', scratch = ''] = process.argv.slice(2)
const WRITE_EVERY_MS = 100
const BYTES = Buffer.alloc(65_536)

watchSteps(steps)
const file = openSync(scratch, 'w')
setInterval(() => {
  writeSync(file, BYTES, 0, BYTES.length, 0)
  fsyncSync(file)
}, WRITE_EVERY_MS)
process.on('disconnect', () => process.exit())
