// The kernel is compiled again, where the compiler is that of the last time.

import t from 'tap'
import { COMPILER, KERNEL } from '../../../../shared/kinds/word-frequency/kernel/binary.ts'
import { compile, compilerVersion } from './build-kernel.ts'

const skip = compilerVersion() === COMPILER ? {} : { skip: `clang ${COMPILER} is not installed` }

t.test('the source of the kernel compiles to the same bytes again', skip, async (t) => {
  t.equal(compile().toString('base64'), KERNEL, 'run npm run kernel')
})
