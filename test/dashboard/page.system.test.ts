// The page in a real browser, before a real master and real slaves: what a person does with it, what
// they see, and that nothing that others typed is ever more than text.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Locator, Page } from 'playwright-core'
import t from 'tap'
import { folderOf } from '../folder.ts'
import { getJson, post, request, sleep } from '../requests.ts'
import { freePort, startMaster, startSlave } from '../rigs/cluster/programs.ts'
import { CHROMIUM, go, overflow, picture, seen, startBrowser } from './browser.ts'
import { beat, joinSlaves } from './fleet.ts'

const PHOTO = new URL('../fixtures/photo.jpg', import.meta.url).pathname
const QUICK = ['--heartbeat-ms', '500', '--retry-backoff-ms', '50']
const HOSTILE = '<img src=x onerror="document.title=\'owned\'">'
const RIGHT_TO_LEFT = '\u202Eevil\u202C \u05E9\u05DC\u05D5\u05DD'

const banner = (page: Page, words: string): Locator => page.locator('.banner', { hasText: words })

t.test('the page', { skip: CHROMIUM ? false : 'Chromium is not installed' }, async (t) => {
  const data = folderOf(t)
  const port = await freePort()
  const masterArgs = ['--port', String(port), ...QUICK]
  const master = await startMaster(t, join(data, 'master'), masterArgs)
  const { url } = master
  const browser = await startBrowser(t)
  const page = await browser.open(url)
  const clean = () => browser.complaints.splice(0)

  await t.test('says what to do when there is no slave', async (t) => {
    await seen(banner(page, 'No slave is registered.'))
    t.match(await page.locator('.banner').innerText(), /npm run slave/)
  })

  const slaveArgs = (name: string) => ['--slots', '1', '--data', join(data, name)]
  await startSlave(t, url, 'slave-1', slaveArgs('slave-1'))
  const second = await startSlave(t, url, 'slave-2', slaveArgs('slave-2'))

  await t.test('shows slaves as they come, in the order of asking', async (t) => {
    await seen(banner(page, 'Slots are free.'))
    const names = page.locator('.slave-line .who .slave-name')
    await seen(names.nth(1))
    t.same(await names.allInnerTexts(), ['slave-1', 'slave-2'])
  })

  await t.test('submits an expression, and shows its answer and its trail', async (t) => {
    await page.getByLabel('Expression').fill('2 + 3 * sqrt(16)')
    await page.getByRole('button', { name: 'Submit' }).click()
    await seen(page.locator('.answer b', { hasText: '14' }))
    await page.locator('.answer summary').click()
    await seen(page.locator('.answer .ladder li', { hasText: /asked 1st: slave-1, available/ }))
    await page.locator('.answer a.id').click()
    await seen(page.locator('.steps .state[data-state="done"]'))
    t.match(await page.locator('main').innerText(), /Result[\s\S]*14/)
    await picture(page, 'task')
    await go(page, '')
  })

  await t.test('shows "at capacity" with the reasons, and lets one wait', async (t) => {
    const both = [
      await post(`${url}/tasks`, sleep(60_000)),
      await post(`${url}/tasks`, sleep(60_000)),
    ]
    await seen(banner(page, 'At capacity.'))
    await page.getByLabel('Expression').fill('6 * 7')
    await page.getByRole('button', { name: 'Submit' }).click()
    const problem = page.locator('.problem').first()
    await seen(problem)
    t.match(await problem.innerText(), /No slave is available[\s\S]*slave-1[\s\S]*running 1 of 1/)
    t.match(await problem.innerText(), /slave-2[\s\S]*running 1 of 1/)
    await picture(page, 'at-capacity')
    await page.getByRole('button', { name: 'Queue it instead' }).click()
    for (const { body } of both) await request('DELETE', `${url}/tasks/${body.id}`)
    await seen(page.locator('.answer b', { hasText: '42' }))
    await seen(banner(page, 'Slots are free.'))
  })

  await t.test('shows strips of an uploaded image as they come', async (t) => {
    await go(page, 'submit/job/image-filter')
    await page.setInputFiles('input[name=image]', PHOTO)
    await page.locator('input[name=parts]').fill('6')
    await page.getByRole('button', { name: 'Apply filter' }).click()
    await seen(page.getByText(/[1-6] of 6 strips are done/))
    await seen(page.getByText('6 of 6 strips are done'))
    t.equal(await page.locator('.strips li').count(), 6)
    await page.waitForFunction(() => {
      const canvas = document.querySelector<HTMLCanvasElement>('canvas.picture')
      const last = canvas?.getContext('2d')?.getImageData(300, 390, 1, 1).data
      return last?.[3] === 255
    })
    await seen(page.locator('.acts .button', { hasText: 'image.png' }))
    await picture(page, 'image')
  })

  await t.test('counts the words of a text while one looks', async (t) => {
    await go(page, 'submit/job/word-count')
    const paragraphs = Array.from({ length: 12 }, (_, i) => `Paragraph number ${i}. ${HOSTILE}`)
    await page.getByLabel('Text').fill(paragraphs.join('\n\n'))
    await page.getByRole('button', { name: 'Count' }).click()
    await seen(page.getByText('words in total'))
    t.equal(await page.locator('.paragraphs li[data-status=done]').count(), 12)
    await picture(page, 'word-count')
  })

  await t.test(
    'makes a form from the schema of a kind, and says what is wrong with a field',
    async () => {
      await go(page, 'submit/job/range-sum')
      await page.getByLabel('to', { exact: true }).fill('ten')
      await page.getByRole('button', { name: 'Submit' }).click()
      await seen(page.locator('.field[data-wrong=true]'))
      await page.getByLabel('to', { exact: true }).fill('1000')
      await page.getByRole('button', { name: 'Submit' }).click()
      await seen(page.locator('pre', { hasText: '333833500' }))
    },
  )

  await t.test('tells which kinds there are, and who offers them', async (t) => {
    const { kinds, jobs, foreign } = await getJson(`${url}/kinds`)
    const expression = kinds.find(({ name }: { name: string }) => name === 'expression')
    t.match(expression, { files: false, shorthand: true, offeredBy: 2 })
    t.match(expression.input, { type: 'object', required: ['expression'] })
    t.ok(expression.examples.length > 0)
    t.same(
      jobs.map(({ name }: { name: string }) => name),
      ['image-filter', 'range-sum', 'word-count', 'word-frequency'],
    )
    t.same(foreign, [])
  })

  await t.test('shows what moved between slaves in a shuffle', async (t) => {
    await go(page, 'submit/job/word-frequency')
    await page.getByRole('button', { name: 'Submit' }).click()
    await seen(page.locator('.heat table'))
    await seen(page.locator('.acts .button', { hasText: 'results.txt' }))
    t.ok((await page.locator('.heat td').count()) > 0)
    const [{ id }] = (await getJson(`${url}/jobs?limit=1`)).jobs
    const { stages } = await getJson(`${url}/jobs/${id}/parts`)
    const [, counted, grouped] = stages
    const bytes = grouped.transfers.map(([, , bytes]: [string, string, number]) => bytes)
    const given = counted.parts.map((part: { bytes: number }) => part.bytes)
    const sum = (numbers: number[]) => numbers.reduce((total, n) => total + n, 0)
    t.equal(sum(bytes), sum(given), 'all that was counted was fetched, once')
    await picture(page, 'word-frequency')
  })

  await t.test('draws the speed-up that npm run speedup has saved', async (t) => {
    const file = join(data, 'speedup.json')
    const ms = { 1: [1000, 1010], 2: [540, 550], 4: [330, 320] }
    const runs = Object.entries(ms).map(([slaves, ms]) => ({ slaves: Number(slaves), ms }))
    writeFileSync(file, JSON.stringify({ kind: 'range-sum', runs }))
    await go(page, 'jobs')
    await page.setInputFiles('input[type=file]', file)
    await seen(page.getByText(/dashed: Amdahl, serial 0\.0\d+/))
    t.same(await page.locator('.plots ~ table tbody tr').allInnerTexts(), [
      '1\t1.0 s\t1.00\t–',
      '2\t545 ms\t1.84\t0.085',
      '4\t325 ms\t3.09\t0.098',
    ])
    await picture(page, 'speed-up')
  })

  await t.test('drains and resumes a slave', async () => {
    await go(page, 'slaves')
    await page.getByRole('button', { name: 'Drain slave-1' }).click()
    await seen(page.locator('.slave-line', { hasText: 'slave-1' }).locator('[data-state=draining]'))
    await page.getByRole('button', { name: 'Resume slave-1' }).click()
    await seen(page.locator('.slave-line', { hasText: 'slave-1' }).locator('[data-state=free]'))
  })

  await t.test('shows a slave that is killed as suspect, and its task moving on', async (t) => {
    await post(`${url}/slaves/slave-1/drain`, {})
    const { body } = await post(`${url}/tasks`, { ...sleep(10_000), queue: true })
    await go(page, `task/${body.id}`)
    await seen(page.locator('.facts', { hasText: 'slave-2' }))
    await second.kill()
    await go(page, 'slaves')
    await seen(
      page
        .locator('.slave-line', { hasText: 'slave-2' })
        .locator('[data-state=suspect], [data-state=silent]'),
    )
    await picture(page, 'suspect')
    await post(`${url}/slaves/slave-1/resume`, {})
    await go(page, `task/${body.id}`)
    await seen(page.locator('.ladder li[data-event=slave-lost]'))
    await seen(page.locator('.steps .state[data-state=done]'))
    t.match(await page.locator('main').innerText(), /Attempts[\s\S]*slave-2[\s\S]*slave-1/)
    await picture(page, 'task-that-moved')
    await go(page, 'stream')
    await page.locator('.stream-box').focus()
    await seen(page.locator('.stream canvas[style]'))
    await page.keyboard.press('ArrowLeft')
    await seen(page.locator('.stream .note .ladder'))
    await picture(page, 'stream')
  })

  await t.test('goes by the keyboard alone', async (t) => {
    const one = await browser.open(url)
    const focused = () =>
      one.evaluate(() => {
        const { activeElement } = document
        return `${activeElement?.tagName} ${activeElement?.textContent?.trim()}`
      })
    await seen(one.locator('.slave-line'))
    await one.keyboard.press('Tab')
    t.equal(await focused(), 'A Skip to content')
    await one.keyboard.press('Enter')
    t.match(await focused(), /^MAIN/)
    for (let i = 0; i < 12; i++) {
      await one.keyboard.press('Tab')
      if ((await focused()).startsWith('TEXTAREA')) break
    }
    await one.keyboard.press('Control+A')
    await one.keyboard.type('7 * 8')
    await one.keyboard.press('Enter')
    await seen(one.locator('.answer b', { hasText: '56' }))
    await one.close()
  })

  await t.test('shows hostile text as text', async (t) => {
    const long = `"${'x'.repeat(9_990)}"`
    for (const expression of [HOSTILE, `"${HOSTILE}"`, `"${RIGHT_TO_LEFT}"`, long]) {
      const { status } = await post(`${url}/tasks`, { expression, tags: [HOSTILE], queue: true })
      t.equal(status, 202)
    }
    const fake = { tags: [HOSTILE, RIGHT_TO_LEFT], version: '<script>alert(1)</script>' }
    const [hostile] = await joinSlaves(url, 1, { name: () => 'hostile', ...fake })
    const reason = `${HOSTILE} ${RIGHT_TO_LEFT} ${'y'.repeat(900)}`
    await beat(url, hostile!, { mode: 'unwilling', reason })
    await go(page, 'tasks')
    await seen(page.locator('td', { hasText: '<img src=x' }))
    await page.locator('td .id').first().click()
    await seen(page.getByText('Trail'))
    await go(page, 'slave/hostile')
    await seen(page.getByText('<script>alert(1)</script>'))
    await seen(page.locator('.facts', { hasText: '<img src=x' }))
    await seen(page.locator('.facts', { hasText: '⟨U+202E⟩evil⟨U+202C⟩' }))
    await picture(page, 'hostile')
    t.equal(await overflow(page), 0, 'nothing is wider than the window')
    await go(page, `slave/${encodeURIComponent(HOSTILE)}`)
    await seen(page.getByText('The slave is not registered'))
    await go(page, '')
    await page.getByLabel('Expression').fill(HOSTILE)
    await page.getByRole('button', { name: 'Submit' }).click()
    await seen(page.locator('.answer', { hasText: '<img src=x' }))
    t.equal(await page.locator('main img').count(), 0, 'none of it became an element')
    t.equal(await page.title(), 'askfirst', 'none of it ran')
    await request('DELETE', `${url}/slaves/hostile`)
  })

  await t.test('looks right with two slaves, in dark, and at 320 pixels', async (t) => {
    for (let i = 0; i < 5; i++) await post(`${url}/tasks`, { ...sleep(150 + 80 * i), queue: true })
    const views = ['', 'slaves', 'stream', 'tasks', 'jobs', 'submit', 'capacity']
    const pictured = ['', 'slaves', 'stream', 'capacity']
    const looks = [
      { name: 'light', look: {} },
      { name: 'dark', look: { colorScheme: 'dark' } },
      { name: 'narrow', look: { width: 320, height: 700 } },
    ] as const
    for (const { name, look } of looks) {
      const one = await browser.open(url, look)
      for (const view of views) {
        await go(one, view)
        await seen(one.locator('h1'))
        await seen(one.locator('.figures'))
        await one.evaluate(() => new Promise((done) => requestAnimationFrame(done)))
        t.equal(await overflow(one), 0, `${view || 'now'}, ${name}: no wider than the window`)
        if (pictured.includes(view)) await picture(one, `${name}-${view || 'now'}`)
      }
      await one.close()
    }
  })

  await t.test('shows two hundred slaves, of which only those in sight are there', async (t) => {
    // Those that only speak beat once: with so long a heartbeat that is enough.
    const args = ['--heartbeat-ms', '60000']
    const large = await startMaster(t, join(data, 'large'), args)
    const slots = 4
    const name = (i: number) => `vm-${String(i + 1).padStart(3, '0')}`
    const slaves = await joinSlaves(large.url, 200, { name, slots, tags: ['hyper-v'] })
    for (const [i, slave] of slaves.entries()) {
      if (i < 120) await beat(large.url, slave, { free: 0, reason: 'running 4 of 4' })
      else if (i < 130) await beat(large.url, slave, { free: i % slots })
      else if (i % 17 === 0) await beat(large.url, slave, { mode: 'draining', reason: 'stopping' })
      else if (i % 29 === 0) await beat(large.url, slave, { mode: 'unwilling', reason: 'backup' })
    }
    const one = await browser.open(`${large.url}/#/slaves`)
    await seen(one.getByText('200 in total'))
    t.ok((await one.locator('.slave-line').count()) < 40)
    await picture(one, '200-slaves')
    await one.locator('.virtual').evaluate((list) => list.scrollTo(0, list.scrollHeight))
    await seen(one.getByText('vm-200'))
    await one.getByPlaceholder('Find').fill('vm-07')
    await seen(one.getByText('10 of 200'))
    for (const view of ['', 'stream', 'capacity']) {
      await go(one, view)
      await seen(one.locator('main h2, main canvas'))
      await picture(one, `200-slaves-${view || 'now'}`)
    }
    await one.close()
  })

  await t.test('has said nothing on its console, and nothing had to be stopped', async (t) => {
    // A browser writes down each answer that is an error, and two were wanted.
    const wanted = /Failed to load resource.*status of (503|400).*\/(tasks|jobs)\)$/
    const all = clean()
    t.same(
      all.filter((line) => !wanted.test(line)),
      [],
    )
    t.equal(all.length, 2, 'a refusal at capacity and one of a form')
  })

  await t.test('says that the connection is lost, and comes back by itself', async (t) => {
    await go(page, '')
    await master.kill()
    await seen(banner(page, 'The connection to the master is lost.'))
    await picture(page, 'lost')
    await startMaster(t, join(data, 'master'), masterArgs)
    await page.locator('.banner[data-tone=bad]').waitFor({ state: 'detached', timeout: 60_000 })
    t.pass('it is back')
    const others = clean().filter((line) => !line.includes('ERR_'))
    t.same(others, [], 'no complaint but of the connection')
  })
})
