import { test } from 'tap'
import { hostOf, originOf, withoutTrailingSlashes } from '../../../shared/http/url.ts'

test('an IPv6 address stands in brackets in a URL, and a name or IPv4 address does not', async (t) => {
  for (const [host, origin] of [
    ['127.0.0.1', 'http://127.0.0.1:9001'],
    ['localhost', 'http://localhost:9001'],
    ['::1', 'http://[::1]:9001'],
    ['fe80::1', 'http://[fe80::1]:9001'],
  ] as const) {
    const made = originOf('http', host, 9001)
    t.equal(made, origin)
    t.equal(new URL(made).origin, origin, 'it is an origin')
    t.equal(hostOf(new URL(made)), host, 'and gives the host back')
  }
  t.equal(originOf('https', '::', 1), 'https://[::]:1')
})

test('slashes at the end of a URL are removed, all of them and only those', async (t) => {
  for (const [url, without] of [
    ['http://a/b//', 'http://a/b'],
    ['http://a', 'http://a'],
    ['//', ''],
    ['', ''],
  ] as const) {
    t.equal(withoutTrailingSlashes(url), without)
  }
})
