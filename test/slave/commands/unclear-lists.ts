// What --commands cannot be, for both slaves.

/** Lists that are unclear, and why. */
export const UNCLEAR: [list: string[], why: RegExp][] = [
  [['any', 'flac'], /"any" must stand alone/],
  [['/usr/bin/flac'], /name=\/absolute\/path/],
  [['flac=bin/flac'], /bin\/flac is not an absolute path/],
  [['flac', 'flac=/usr/bin/flac'], /flac is listed twice/],
  [['=/bin/sh'], /empty/],
  [['x'.repeat(256)], /too long/],
  [Array.from({ length: 1025 }, (_, n) => `p${n}`), /more than 1024/],
]
