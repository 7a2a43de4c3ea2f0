import t from 'tap'
import { overlapping, piecesOf } from '../../../master/jobs/long-text.ts'

t.test(
  'pieces are texts: together they are the whole, and no character is cut in two',
  async (t) => {
    for (const text of ['', 'x', 'abcdef', '\u{1F600}\u{1F600}\u{1F600}', 'a\u{1F600}b\u{1F600}']) {
      for (const most of [2, 3, 4]) {
        const pieces = piecesOf(text, most)
        t.equal(pieces.join(''), text)
        t.ok(
          pieces.every((piece) => piece.length <= most && piece.isWellFormed()),
          text,
        )
      }
    }
  },
)

t.test('what stands across an edge is whole in one of the pieces that overlap', async (t) => {
  const text = `${'-'.repeat(8)}word${'-'.repeat(8)}`
  for (const most of [5, 9, 10, 11, 100]) {
    t.ok(
      [...overlapping(text, most, 4)].some((piece) => piece.includes('word')),
      `${most}`,
    )
  }
})
