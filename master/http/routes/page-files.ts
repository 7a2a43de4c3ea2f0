// Serves the page: the files of master/dashboard and the few libraries that it uses, as their packages
// contain them, without a build step. All files are read once at the start, so that nothing that is added
// later is ever served. The page itself holds no data; the endpoints that it calls check the caller.
//
// @fastify/static is not used: it reads files per request, so that an upgrade that replaces the folder would
// mix two versions of the page, and it cannot rewrite the one import between libraries. @fastify/helmet is
// not used: five constant headers of two routes need no hook.

import { hash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { extname } from 'node:path'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { serve } from '../../../shared/http/serve.ts'
import { readPage, readPageFile } from '../../../shared/protocol/api/page.ts'
import { Problem } from '../../../shared/protocol/problems.ts'
import { isUnchanged } from './request-options.ts'

/** The browser runs and shows only what comes from this origin. */
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
  // Revalidated on each use: 304 while unchanged.
  'cache-control': 'no-cache',
}

/** Media types of the files that are served, by extension. */
const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

const FOLDER = new URL('../../dashboard/', import.meta.url)

/** The libraries, by their path under /page/. */
const LIBRARIES: Record<string, string> = {
  'lib/preact.js': import.meta.resolve('preact'),
  'lib/hooks.js': import.meta.resolve('preact/hooks'),
  'lib/htm.js': import.meta.resolve('htm'),
  'lib/uplot.js': import.meta.resolve('uplot/dist/uPlot.esm.js'),
  'lib/uplot.css': import.meta.resolve('uplot/dist/uPlot.min.css'),
  'lib/trail.js': import.meta.resolve('../../../shared/protocol/trail.js'),
}

type File = { type: string; text: string; etag: string }

export async function pageFiles(app: FastifyInstance) {
  const files = readFiles()
  serve(app, readPage, (request, reply) => give(files.get('index.html'), request, reply))
  serve(app, readPageFile, (request, reply) =>
    give(files.get(request.params['*'] ?? ''), request, reply),
  )
}

function give(file: File | undefined, request: FastifyRequest, reply: FastifyReply) {
  if (!file) throw new Problem('not-found', 'the dashboard has no such file')
  reply.headers({ ...HEADERS, etag: file.etag })
  if (isUnchanged(request, file.etag)) return reply.code(304).send()
  return reply.type(file.type).send(file.text)
}

/** By their path under /page/. */
function readFiles(): Map<string, File> {
  const own = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => extname(path) in TYPES)
  return new Map([
    ...own.map((path): [string, File] => [path, fileOf(path, new URL(path, FOLDER))]),
    ...Object.entries(LIBRARIES).map(([path, url]): [string, File] => [
      path,
      fileOf(path, new URL(url)),
    ]),
  ])
}

/** Imports of packages between the libraries become paths, because a browser resolves no package names. */
function fileOf(path: string, url: URL): File {
  const text = readFileSync(url, 'utf8')
    .replaceAll('from"preact"', 'from"./preact.js"')
    .replace(/^\/\/# sourceMappingURL=.*$/m, '')
  return {
    type: TYPES[extname(path)] as string,
    text,
    etag: `"${hash('sha256', text, 'base64url')}"`,
  }
}
