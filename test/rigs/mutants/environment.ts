/** The environment of a child, which the threads of its tests inherit. */
export const ENVIRONMENT = {
  /** The folder of the source tree. */
  root: 'ASKFIRST_MUTANTS_ROOT',
  /** The mutation, as JSON, for the threads of a test. */
  mutant: 'ASKFIRST_MUTANTS_MUTANT',
  /** A file to which threads add the sources that they load. */
  threads: 'ASKFIRST_MUTANTS_THREADS',
} as const
