// A planted bug: a small wrong version of the protocol, as an exact change to one file.

export type Bug = {
  name: string
  /** What the wrong version does. */
  says: string
  /** From the top of the checkout. */
  file: string
  /** This text, which must stand there exactly once ... */
  find: string
  /** ... becomes this. Types do not matter: they are stripped. */
  replace: string
  /** It is so rare that these worlds, in which it once showed, are run first. */
  shownBy?: number[]
  /** Why no world can break by it: it costs only time or work that is done again. */
  harmless?: string
}
