// `npm run words`: writes the list of all public strings.

import { writeFileSync } from 'node:fs'
import { collect, LIST, listOf } from './public-strings.ts'

writeFileSync(LIST, listOf(collect()))
