// The program of an executor's child process that starts from source: loads the kinds, then computes.
// snapshot.ts starts the same from a snapshot.

import type { AnyKind, ChildSettings } from './child.ts'
import { startComputing, warm } from './child.ts'

const settings = JSON.parse(process.argv[2] ?? '') as ChildSettings
const module = (await import(settings.kindsModule)) as {
  loadKinds(names: string[]): Promise<Map<string, AnyKind>>
}
const loaded = await module.loadKinds(settings.kinds)
await warm(settings.kinds.map((name) => loaded.get(name)!))
startComputing(settings, loaded)
