// The folder of one run, and what belongs to it.

import type { Work } from '../../shared/kinds/kind.ts'
import type { HeldBlob } from './cache.ts'

export type Stream = 'stdout' | 'stderr'
export const STREAMS: Stream[] = ['stdout', 'stderr']

/** The files of one run. */
export type RunFolder = {
  folder: string
  /** Where its outputs are: of a program also its files, under their paths. */
  out: string
  /** Paths of the input files, by name. */
  files: Work['files']
  /** What of a program's output is written to files beside its folder: those that `outputs` names. */
  streams: Stream[]
  /** What is in use of the cache. */
  blobs: HeldBlob[]
}
