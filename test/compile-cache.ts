// Loaded before each test file (.taprc): code that one process has compiled, of a test or of the product, is
// reused by the next.

import { useCompileCache } from '../shared/process/compile-cache.ts'

useCompileCache()
