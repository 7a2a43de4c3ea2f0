// The program of an executor's child process as a snapshot: Node runs it once when it is packed
// (deploy/pack/), with its kinds loaded and warm, and saves its memory. A child starts from there in a tenth
// of the processor time. It reads no source, so it needs no permission for files.

import { startupSnapshot } from 'node:v8'
import type { AnyKind, ChildSettings } from './child.ts'
import { startComputing, warm } from './child.ts'

/** Called while the snapshot is built. No kind in it works on files. */
export async function saveSnapshot(kinds: AnyKind[]): Promise<void> {
  await warm(kinds)
  const loaded = new Map(kinds.map((kind) => [kind.name, kind]))
  startupSnapshot.setDeserializeMainFunction(() => {
    startComputing(JSON.parse(process.argv[1] ?? '') as ChildSettings, loaded)
  })
}
