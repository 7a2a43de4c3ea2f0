// That the compiled kernel is that of its source.

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import * as binary from '../../../../shared/kinds/word-frequency/kernel/binary.ts'

const KINDS = join(import.meta.dirname, '../../../../shared/kinds')
const AGAIN = 'run npm run kernel (it needs clang and lld)'
const sha256Of = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

t.test('the kernel was compiled from the source that stands beside it', async (t) => {
  const source = readFileSync(join(KINDS, 'word-frequency/kernel/kernel.c'))
  t.equal(sha256Of(source), binary.SOURCE_SHA256, AGAIN)
  t.equal(sha256Of(Buffer.from(binary.KERNEL, 'base64')), binary.KERNEL_SHA256, AGAIN)
})

t.test('the kernel asks for nothing from outside', async (t) => {
  const compiled = new WebAssembly.Module(Buffer.from(binary.KERNEL, 'base64'))
  t.same(WebAssembly.Module.imports(compiled), [])
})
