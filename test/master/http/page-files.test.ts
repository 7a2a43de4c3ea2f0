import { test } from 'tap'
import { startQuietMaster } from '../../quiet-master.ts'

test('serves the page with every file that its HTML and its scripts name', async (t) => {
  const { url } = await startQuietMaster(t)
  const left = ['/']
  const seen = new Set<string>(left)
  for (let path = left.pop(); path !== undefined; path = left.pop()) {
    const response = await fetch(url + path)
    t.equal(response.status, 200, path)
    const type = response.headers.get('content-type') ?? ''
    if (path.endsWith('.js')) t.match(type, /^text\/javascript/, path)
    if (path.endsWith('.css')) t.match(type, /^text\/css/, path)
    const text = await response.text()
    const names = [
      ...text.matchAll(/(?:src|href)="(\/page\/[^"]+)"/g),
      ...(path.endsWith('.js') ? text.matchAll(/(?:from|import)\s*['"](\.[^'"]+)['"]/g) : []),
    ]
    for (const [, name] of names) {
      const next = new URL(name!, url + path).pathname
      if (!seen.has(next)) left.push(next)
      seen.add(next)
    }
  }
  t.ok(seen.size > 15, `${seen.size} files`)
  t.equal((await fetch(`${url}/page/none.js`)).status, 404)
})
