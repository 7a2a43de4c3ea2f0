// `npm run tour -- words|sum|frequency|image`: one system each, on real input, from the start of its
// master and slaves to the result; then everything is stopped, and nothing is left.

import { withFleet } from './fleet.ts'
import { frequency } from './tours/frequency.ts'
import { image } from './tours/image.ts'
import { sum } from './tours/sum.ts'
import { words } from './tours/words.ts'

const HELP = `npm run tour -- words             ten paragraphs, counted by three slaves that poll
npm run tour -- sum               the sum of the squares of 1 to 1,000,000, on three slaves
npm run tour -- frequency [FOLDER]  how often each word occurs in FOLDER, or in a corpus of about
                                  100 MB that is made for it: four slaves, checked against sort
npm run tour -- image [FILE]      a photograph in strips, filtered by a slave in Python and one of
                                  ours; the result goes to FILE, or askfirst-data/tour.png
`
const TOURS = { words, sum, frequency, image }
const EXIT_USAGE = 64

const say = (line: string): void => void process.stdout.write(`${line}\n`)
const [name = '', path] = process.argv.slice(2)
const tour = Object.hasOwn(TOURS, name) ? TOURS[name as keyof typeof TOURS] : undefined
if (tour) {
  try {
    await withFleet((fleet) => tour(fleet, say, path))
  } catch (error) {
    process.stderr.write(`tour: ${(error as Error).message}\n`)
    // Whatever the tour was about to do next is not worth waiting for.
    process.exit(1)
  }
} else {
  const isAsked = name === '--help' || name === ''
  process[isAsked ? 'stdout' : 'stderr'].write(
    isAsked ? HELP : `there is no tour "${name}"\n${HELP}`,
  )
  process.exitCode = name === '--help' ? 0 : EXIT_USAGE
}
