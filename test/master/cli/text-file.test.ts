import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createDecoder, readText } from '../../../master/cli/commands/text-file.ts'

const fixture = (name: string) => join(import.meta.dirname, '../../fixtures', name)
const refused = (message: RegExp) => ({ name: 'UsageError', message })

t.test('a byte order mark is no part of the text', async (t) => {
  t.equal(readText(fixture('bom.txt')), '1+1\n2+2\n')
})

t.test('text that is not UTF-8 is refused, with its encoding and what to do', async (t) => {
  const how = /latin1\.txt is not UTF-8.*iconv -f ISO-8859-1 -t UTF-8 .*latin1\.txt/
  t.throws(() => readText(fixture('latin1.txt')), refused(how))
  const wide = join(t.testdir(), 'wide.txt')
  writeFileSync(wide, Buffer.from('\ufeff1+1\n', 'utf16le'))
  t.throws(() => readText(wide), refused(/is not UTF-8.*iconv -f UTF-16 -t UTF-8/))
  writeFileSync(wide, Buffer.from('caf\u00e9').subarray(0, 4))
  t.throws(() => readText(wide), refused(/is not UTF-8/))
})

t.test('text is the same however its bytes are cut', async (t) => {
  const text = 'na\u00efve \u{1f600}\n'
  const bytes = Buffer.from(`\ufeff${text}`)
  const decoder = createDecoder('-')
  const parts = Array.from(bytes, (_, i) => decoder.decode(bytes.subarray(i, i + 1)))
  t.equal(parts.join('') + decoder.end(), text)
})
