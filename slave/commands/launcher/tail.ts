// The end of what a program prints, with bounded memory.

/** Keeps the last `bytesMax` bytes. */
export function createTail(bytesMax: number) {
  let parts: Buffer[] = []
  let kept = 0
  let bytes = 0

  return {
    push(part: Buffer): void {
      bytes += part.length
      parts.push(part)
      kept += part.length
      // Twice the limit, so that a program that prints single bytes costs no copy for each.
      if (kept >= 2 * bytesMax || parts.length >= 1024) shorten()
    },
    /** How much there was in all. */
    get bytes() {
      return bytes
    },
    /** Decoded as UTF-8, with replacement. A character that the limit cuts is left out. */
    text(): string {
      shorten()
      const whole = parts[0] ?? Buffer.alloc(0)
      return new TextDecoder('utf-8', { ignoreBOM: true }).decode(
        bytes > whole.length ? whole.subarray(startOf(whole)) : whole,
      )
    },
  }

  function shorten(): void {
    const whole = Buffer.concat(parts)
    // A copy of its own: a view would keep all of it in memory.
    const end = whole.length > bytesMax ? Buffer.from(whole.subarray(-bytesMax)) : whole
    parts = [end]
    kept = end.length
  }
}

/** Where the first whole character starts. */
function startOf(bytes: Buffer): number {
  let start = 0
  while (start < 3 && start < bytes.length && ((bytes[start] as number) & 0xc0) === 0x80) start++
  return start
}
