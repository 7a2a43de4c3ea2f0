// Small questions about URLs.

/** The URL of a server that listens at `host`, a name or an address: an IPv6 address stands in brackets. */
export const originOf = (protocol: 'http' | 'https', host: string, port: number): string =>
  `${protocol}://${host.includes(':') ? `[${host}]` : host}:${port}`

/** The hostname of a URL as a name or an address: an IPv6 address without its brackets. */
export const hostOf = ({ hostname }: { hostname: string }): string =>
  hostname.replace(/^\[|\]$/g, '')

/** A URL or path without the slashes at its end. */
export function withoutTrailingSlashes(url: string): string {
  let end = url.length
  while (end > 0 && url[end - 1] === '/') end -= 1
  return url.slice(0, end)
}
