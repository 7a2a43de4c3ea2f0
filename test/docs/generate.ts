// `npm run docs`: writes the generated parts of the documentation pages.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pagePaths, ROOT, readPage, regenerate } from './pages.ts'

for (const path of pagePaths()) {
  const page = readPage(path)
  const written = regenerate(page)
  if (written === page) continue
  writeFileSync(join(ROOT, path), written)
  process.stdout.write(`${path}\n`)
}
