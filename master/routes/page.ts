// The page: files of master/dashboard as they are, and the few libraries that it uses as their
// packages bring them. Nothing is built and nothing comes from elsewhere. Who may read what it shows
// is decided where that is answered; the page itself says nothing.

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance, FastifySchema } from 'fastify'

/** What the browser may do with it: run and show what comes from here, and nothing else. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "form-action 'self'",
].join('; ')

const HEADERS = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  // Asked for anew each time, and answered 304 while it is the same.
  'cache-control': 'no-cache',
}

const SCRIPT = 'text/javascript; charset=utf-8'

/** The libraries, each under an address of ours. */
const LIBRARIES = [
  { address: 'preact.js', file: import.meta.resolve('preact'), type: SCRIPT },
  { address: 'hooks.js', file: import.meta.resolve('preact/hooks'), type: SCRIPT },
  { address: 'htm.js', file: import.meta.resolve('htm'), type: SCRIPT },
  { address: 'uplot.js', file: import.meta.resolve('uplot/dist/uPlot.esm.js'), type: SCRIPT },
  {
    address: 'uplot.css',
    file: import.meta.resolve('uplot/dist/uPlot.min.css'),
    type: 'text/css; charset=utf-8',
  },
]

const hidden = { schema: { hide: true } as FastifySchema }

export async function page(app: FastifyInstance) {
  const libraries = new Map(LIBRARIES.map((library) => [`lib/${library.address}`, load(library)]))
  await app.register(fastifyStatic, {
    root: fileURLToPath(new URL('../dashboard/', import.meta.url)),
    serve: false,
    cacheControl: false,
    setHeaders: (reply) => {
      for (const [name, value] of Object.entries(HEADERS)) reply.header(name, value)
    },
  })
  app.get('/', hidden, (_request, reply) => reply.sendFile('index.html'))
  app.get('/page/*', hidden, (request, reply) => {
    const path = (request.params as { '*': string })['*']
    const library = libraries.get(path)
    if (!library) return reply.sendFile(path)
    reply.headers({ ...HEADERS, etag: library.etag })
    if (request.headers['if-none-match'] === library.etag) return reply.code(304).send()
    return reply.type(library.type).send(library.text)
  })
}

/** A browser knows addresses, not names of packages: one library's import of another is rewritten. */
function load({ file, type }: (typeof LIBRARIES)[number]) {
  const text = readFileSync(new URL(file), 'utf8')
    .replaceAll('from"preact"', 'from"./preact.js"')
    .replace(/^\/\/# sourceMappingURL=.*$/m, '')
  const etag = `"${createHash('sha256').update(text).digest('base64url')}"`
  return { type, text, etag }
}
