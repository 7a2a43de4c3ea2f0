// Packs what masters and slaves load at their start: npm run pack. `npm ci` does it, too. Without it they
// work the same, and take several times as long to start.

import { packExecutor } from './executor.ts'
import { packLibraries } from './libraries.ts'

await packLibraries()
await packExecutor()
