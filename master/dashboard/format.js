// Numbers, times and lengths in words, all of a width. Pure.

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const one = new Intl.NumberFormat('en', { maximumFractionDigits: 1 })
const clock = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
})

/** @param {number | null | undefined} n */
export const count = (n) =>
  n === null || n === undefined ? '–' : n < 100_000 ? whole.format(n) : compact(n)

/** @param {number} n */
const compact = (n) => (n < 1e6 ? `${one.format(n / 1e3)} k` : `${one.format(n / 1e6)} M`)

/** @param {number} n */
export const rate = (n) => (n < 10 ? one.format(n) : whole.format(n))

/** A length of time, in three digits or so. @param {number | null | undefined} ms */
export function length(ms) {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return '–'
  if (ms < 1) return `${ms.toFixed(2)} ms`
  if (ms < 10) return `${ms.toFixed(1)} ms`
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)} s`
  if (ms < 120_000) return `${Math.round(ms / 1_000)} s`
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`
  if (ms < 172_800_000) return `${Math.round(ms / 3_600_000)} h`
  return `${Math.round(ms / 86_400_000)} days`
}

/** @param {number | string | null | undefined} at milliseconds since 1970, or ISO 8601 */
export const time = (at) => (at === null || at === undefined ? '–' : clock.format(new Date(at)))

/** @param {number} n */
export function bytes(n) {
  if (n < 1_000) return `${n} B`
  if (n < 1e6) return `${one.format(n / 1e3)} kB`
  if (n < 1e9) return `${one.format(n / 1e6)} MB`
  return `${one.format(n / 1e9)} GB`
}

/** @param {number} share 0 to 1 */
export const percent = (share) => `${one.format(share * 100)} %`

/** @param {number} n @param {string} noun */
export const some = (n, noun) => `${count(n)} ${noun}${n === 1 ? '' : 's'}`

/** The end of an id, which is where ids differ. @param {string} id */
export const shortId = (id) => `…${id.slice(-8)}`

/** What turns the direction of text around or is not to be seen, but for tabs and ends of lines. */
const UNSEEN = /(?![\t\n\r])[\p{Cc}\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu

/** Text with its unseen characters named: what one reads is what is there. @param {string} text */
export const plainly = (text) =>
  text.replace(UNSEEN, (c) => `⟨U+${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}⟩`)
