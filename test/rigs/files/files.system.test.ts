// The experiment with large files, small: npm run files.

import t from 'tap'
import { folderOf } from '../../folder.ts'
import { runExperiment } from './experiment.ts'

const MB = 1_000_000

t.test(
  'files go through three slaves, each once, and a slave that is killed loses nothing',
  async (t) => {
    const found = await runExperiment(t, {
      data: folderOf(t),
      files: 5,
      bytes: 2 * MB,
      slaves: 3,
      cacheBytesMax: 5 * MB,
      uses: 3,
    })
    t.same(found.wrong, [])
    t.equal(found.fetchesMax, 1)
    t.ok(found.cacheBytes > 0 && found.cacheBytes <= 5 * MB, `${found.cacheBytes} bytes in a cache`)
    t.ok(found.rssMax - found.rssBefore < 64 * MB, `${found.rssMax - found.rssBefore} bytes more`)
    t.equal(found.triesOfKilled, 1, 'what it was uploading was delivered after its restart')
  },
)
