// A wrong version: a small mistake of the kind that people make, as an exact change to one file, and
// the test that must fail with it.

export type WrongVersion = {
  name: string
  /** What the wrong version does. */
  says: string
  /** From the top of the checkout. */
  file: string
  /** This text, which must stand there exactly once ... */
  find: string
  /** ... becomes this. Types do not matter: they are stripped. */
  replace: string
  /** The test at its layer, with arguments if it takes some: what `node` is given. */
  caughtBy: string
}
