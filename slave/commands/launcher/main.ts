// A launcher as a process. Its argument: LauncherSettings as JSON.

import { saveCompileCache, useCompileCache } from '../../../shared/process/compile-cache.ts'

useCompileCache()
const { serve } = await import('./launcher.ts')
saveCompileCache()
serve(JSON.parse(process.argv[2] as string))
