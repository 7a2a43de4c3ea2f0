// Programs on the page, in a real browser: the form, how a run ended, what it printed and left, the slaves that
// run programs; and that nothing of it is more than text, and no secret is ever shown.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { Locator, Page } from 'playwright-core'
import type { Test } from 'tap'
import t from 'tap'
import { folderOf } from '../folder.ts'
import { getJson, until } from '../requests.ts'
import { freePort, startMaster, startProcess, startSlave } from '../rigs/cluster/programs.ts'
import { isRoot } from '../slave/commands/commanded-slave.ts'
import { CHROMIUM, go, overflow, picture, seen, startBrowser } from './browser.ts'

const HOSTILE = '<img src=x onerror="document.title=\'owned\'">'
const SECRET = 'canary-of-the-page-5c1d'
/** Not only text, and not the same twice. */
const BYTES = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * i) >> (i % 7)))
const COMMANDS = ['--commands', 'gzip,sh,true', ...(isRoot ? ['--commands-user', 'nobody'] : [])]

type Typed = Partial<
  Record<'Program' | 'Arguments' | 'Outputs' | 'Standard input' | 'Secret variables', string>
>
const MORE = ['Standard input', 'Secret variables']

/** Opens the form anew, fills it, and sends it. */
async function run(page: Page, typed: Typed, file?: { name: string; buffer: Buffer }) {
  await go(page, 'submit/task/expression')
  await seen(page.getByLabel('Expression'))
  await go(page, 'submit/task/command')
  await seen(page.getByLabel('Program'))
  for (const [label, text] of Object.entries(typed)) {
    const field = page.getByLabel(label, { exact: true })
    if (MORE.includes(label) && !(await field.isVisible())) await page.getByText('More').click()
    await field.fill(text)
  }
  if (file) {
    const given = { ...file, mimeType: 'application/octet-stream' }
    await page.setInputFiles('input[name=files]', given)
  }
  await page.getByRole('button', { name: 'Run' }).click()
}

const ended = (page: Page, status: string): Promise<void> =>
  seen(page.locator(`.steps .state[data-state=${status}]`))

const fact = (page: Page, label: string): Locator => page.locator('.fact', { hasText: label })

/** All answers to the page but the stream that has no end. */
function listen(page: Page) {
  const sent: string[] = []
  const answers: Promise<string>[] = []
  page.on('request', (request) => void sent.push(request.postData() ?? ''))
  page.on('response', (response) => {
    if (response.url().endsWith('/overview')) return
    answers.push(response.text().catch(() => ''))
  })
  return { sent, answers }
}

/** All that a stream says from now on. */
async function follow(t: Test, url: string): Promise<() => string> {
  const leave = new AbortController()
  const { body } = await fetch(url, { signal: leave.signal })
  let text = ''
  const read = (async () => {
    for await (const chunk of body ?? []) text += Buffer.from(chunk).toString()
  })().catch(() => {})
  t.teardown(() => {
    leave.abort()
    return read
  })
  return () => text
}

async function assertClean(t: Test, page: Page): Promise<void> {
  t.equal(await page.locator('main img').count(), 0, 'none of it became an element')
  t.equal(await page.title(), 'askfirst', 'none of it ran')
}

t.test(
  'programs on the page',
  { skip: CHROMIUM ? false : 'Chromium is not installed' },
  async (t) => {
    const data = folderOf(t)
    const { url } = await startMaster(t, join(data, 'master'), ['--heartbeat-ms', '500'])
    const port = String(await freePort())
    const startFirst = (args: string[] = []) => {
      const told = ['--master', url, '--name', 'slave-1', '--port', port, '--log-level', 'error']
      return startProcess(t, 'slave/main.ts', [...told, '--data', join(data, 'slave-1'), ...args])
    }
    const before = await startFirst()
    await startSlave(t, url, 'slave-2', ['--data', join(data, 'slave-2')])
    const browser = await startBrowser(t)
    const page = await browser.open(`${url}/#/submit/task/command`)
    const { sent, answers } = listen(page)
    const streams = {
      '/overview': await follow(t, `${url}/overview`),
      '/events': await follow(t, `${url}/events`),
    }

    await t.test('a slave that is started again with programs is shown with them', async (t) => {
      await seen(page.getByText('No slave runs programs now.'))
      await before.kill()
      await startFirst(COMMANDS)
      await seen(page.getByText('Slaves run gzip, sh, true.'))
      const suggested = page.locator('datalist option')
      t.same(
        await suggested.evaluateAll((all) => all.map((each) => (each as HTMLOptionElement).value)),
        ['gzip', 'sh', 'true'],
      )
      await go(page, 'slaves')
      await page.getByPlaceholder('Find').fill('gzip')
      await seen(page.getByText('1 of 2'))
      t.match(await page.locator('.slave-line').innerText(), /slave-1[\s\S]*runs gzip, sh, true;/)
      await page.getByPlaceholder('Find').fill('')
    })

    await t.test('runs a program with a file, and gives the file that it left', async (t) => {
      const name = 'sound & <b>noise</b>'.replaceAll('/', '-')
      const typed = { Program: 'gzip', Arguments: `-k\n-v\n-n\n${name}`, Outputs: '*.gz' }
      await run(page, typed, { name, buffer: BYTES })
      await ended(page, 'done')
      t.match(await fact(page, 'exit code').innerText(), /0$/)
      t.match(await page.getByLabel('stderr').innerText(), /%/, 'what gzip says of itself')
      t.equal(await page.getByLabel('stdout').count(), 0, 'it printed nothing')
      await seen(page.locator('td', { hasText: '100 kB' }))
      const coming = page.waitForEvent('download')
      await page.getByRole('link', { name: `${name}.gz`, exact: true }).click()
      const download = await coming
      t.match(download.suggestedFilename(), /noise.*\.gz$/)
      const got = readFileSync(await download.path())
      t.ok(gunzipSync(got).equals(BYTES), 'the bytes are those that were given, compressed')
      await picture(page, 'command-done')
    })

    await t.test('shows the output of a program that fails, its stderr first', async (t) => {
      const script = 'echo half of it; echo "cannot go on" >&2; exit 3'
      await run(page, { Program: 'sh', Arguments: `-c\n${script}`, Outputs: 'never.txt' })
      await ended(page, 'failed')
      await seen(page.locator('.problem', { hasText: 'sh ended with exit code 3' }))
      t.match(await fact(page, 'exit code').innerText(), /3$/)
      const printed = page.locator('.card pre[aria-label^=std]')
      t.same(await printed.allInnerTexts(), ['cannot go on\n', 'half of it\n'])
      await seen(page.getByText('None; wanted are never.txt.'))
      await picture(page, 'command-failed')
    })

    await t.test('shows hostile text as text: stdout, a file, a signal', async (t) => {
      const script = `: '<script>alert(1)</script>'
        printf '%s\\n\\342\\200\\256%s\\n' "$1" reversed; cp in.txt "$1"; kill -9 $$`
      const typed = { Program: 'sh', Arguments: `-c\n. ./in.txt\nsh\n${HOSTILE}`, Outputs: '*' }
      await run(page, typed, { name: 'in.txt', buffer: Buffer.from(script) })
      await ended(page, 'failed')
      t.match(await fact(page, 'ended by').innerText(), /SIGKILL$/)
      t.match(await page.getByLabel('stdout').innerText(), `${HOSTILE}\n⟨U+202E⟩reversed`)
      await seen(page.getByRole('link', { name: HOSTILE, exact: true }))
      await assertClean(t, page)
      const [{ id }] = (await getJson(`${url}/tasks?limit=1`)).tasks
      await picture(page, 'command-hostile')
      const file = await fetch(`${url}/tasks/${id}/files/${encodeURIComponent(HOSTILE)}`)
      t.match(file.headers.get('content-security-policy'), 'sandbox', 'nor when it is opened')
      t.equal(file.headers.get('x-content-type-options'), 'nosniff')
      t.equal(await file.text(), script)
      for (const view of [`task/${id}`, 'tasks', '', 'slave/slave-1']) {
        await go(page, view)
        await seen(page.locator('main', { hasText: '<img src=x' }).or(page.locator('.stream')))
        await assertClean(t, page)
      }
    })

    await t.test(
      'says what to do when no slave has the program, and queues the task',
      async (t) => {
        await run(page, { Program: 'ffmpeg', Arguments: '-version' })
        const problem = page.locator('.problem')
        await seen(problem)
        const words = await problem.innerText()
        t.match(words, 'No slave can run this.')
        t.match(words, /slave-1[\s\S]*does not run "ffmpeg"/)
        t.match(words, /slave-2[\s\S]*does not offer "command"/)
        t.match(words, 'Start one with --commands and the name of this program')
        await picture(page, 'command-refused')
        await page.getByRole('button', { name: 'Queue it instead' }).click()
        await ended(page, 'pending')
        await page.getByRole('button', { name: 'Cancel' }).click()
        await ended(page, 'cancelled')
      },
    )

    await t.test('says which field is wrong', async (t) => {
      await run(page, { Program: 'sh', Outputs: '/etc/passwd' })
      await seen(page.locator('.problem', { hasText: 'outputs' }))
      t.match(await page.locator('.problem').innerText(), /absolute/)
    })

    await t.test('a secret variable reaches the program, and is shown nowhere', async (t) => {
      const script = `echo "it has $\{#TOKEN} characters"; cat`
      const typed = { Program: 'sh', Arguments: `-c\n${script}`, 'Standard input': 'for it' }
      await run(page, { ...typed, 'Secret variables': `TOKEN=${SECRET}` })
      await ended(page, 'done')
      t.match(
        await page.getByLabel('stdout').innerText(),
        `it has ${SECRET.length} characters\nfor it`,
      )
      t.ok(
        sent.some((body) => body.includes(SECRET)),
        'it was sent',
      )
      const fields = () =>
        page.locator('input, textarea').evaluateAll((all) => all.map((each) => Object(each).value))
      t.ok((await fields()).includes(typed.Arguments), 'what is no secret can be sent again')
      t.notMatch((await fields()).join('\n'), SECRET, 'it is no longer in its field')
      t.notMatch(await page.content(), SECRET)
      const [{ id }] = (await getJson(`${url}/tasks?limit=1`)).tasks
      await go(page, `task/${id}`)
      await page.getByRole('button', { name: 'Retry as a new task' }).click()
      await until(async () => !page.url().includes(id))
      await ended(page, 'done')
      t.match(await page.getByLabel('stdout').innerText(), `it has ${SECRET.length}`, 'kept for it')
      t.notMatch(await page.content(), SECRET)
      const texts = await Promise.all(answers)
      t.ok(texts.length > 20)
      t.same(
        texts.filter((text) => text.includes(SECRET)),
        [],
        'no answer to the page has it',
      )
      for (const path of ['/overview', '/events'] as const) {
        await until(async () => streams[path]().includes(id))
        t.notMatch(streams[path](), SECRET, path)
      }
    })

    await t.test('shows what a slave runs and how full its cache is', async (t) => {
      await go(page, 'slave/slave-1')
      const programs = page.locator('.card', { hasText: 'cache of files' })
      await seen(programs.getByText('gzip, sh, true'))
      await seen(programs.getByText(/^[1-9][\d.]* kB of 10\.7 GB$/))
      t.match(
        await programs.innerText(),
        /when a run ends\s*(all its processes end|processes that)/,
      )
      t.match(await programs.innerText(), /features\s*files, outputs, commands/)
      await go(page, 'slave/slave-2')
      await seen(page.getByText('no: started without --commands'))
    })

    await t.test('looks right in light, in dark, and at 320 pixels', async (t) => {
      const { tasks } = await getJson(`${url}/tasks?kind=command&limit=100`)
      const named = (status: string) =>
        tasks.find((task: { status: string }) => task.status === status)
      const views = {
        form: 'submit/task/command',
        done: `task/${tasks.at(-1).id}`,
        failed: `task/${named('failed').id}`,
        slave: 'slave/slave-1',
        tasks: 'tasks',
      }
      const looks = {
        light: {},
        dark: { colorScheme: 'dark' },
        narrow: { width: 320, height: 700, colorScheme: 'dark' },
      } as const
      for (const [look, how] of Object.entries(looks)) {
        const one = await browser.open(url, how)
        for (const [view, path] of Object.entries(views)) {
          await go(one, path)
          await seen(one.locator('main .card'))
          if (view === 'form') await one.getByText('More').click()
          await one.evaluate(() => new Promise((done) => requestAnimationFrame(done)))
          t.equal(await overflow(one), 0, `${view}, ${look}: no wider than the window`)
          await picture(one, `command-${look}-${view}`)
        }
        await one.close()
      }
    })

    await t.test('has said nothing on its console but the refusals', async (t) => {
      const wanted = /Failed to load resource.*status of (422|400)/
      t.same(
        browser.complaints.filter((line) => !wanted.test(line)),
        [],
      )
      t.equal(browser.complaints.length, 2)
    })
  },
)
