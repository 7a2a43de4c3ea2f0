// Loaded before each test file (.taprc): code that one test process has compiled is reused by the next.

import { enableCompileCache } from 'node:module'

enableCompileCache(new URL('../.tap/compile-cache', import.meta.url).pathname)
