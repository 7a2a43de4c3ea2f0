// A real browser for tests of the page: Chromium, headless, driven by playwright-core. It keeps what
// no page should ever say: errors on its console, and what its policy had to stop.

import { existsSync, mkdirSync } from 'node:fs'
import type { Locator, Page } from 'playwright-core'
import { chromium } from 'playwright-core'
import type { Teardown } from '../folder.ts'

const PLACES = [
  process.env.CHROMIUM ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
]
const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
const PICTURES = new URL('../../.tap/screenshots/', import.meta.url).pathname

/** Where Chromium is; undefined where it is not installed. */
export const CHROMIUM = PLACES.find((path) => path !== '' && existsSync(path))

export type Browser = Awaited<ReturnType<typeof startBrowser>>
export type Look = { width?: number; height?: number; colorScheme?: 'light' | 'dark' }

/** Starts one; `open` gives a page of its own each time. */
export async function startBrowser(t: Teardown) {
  const browser = await chromium.launch({ executablePath: CHROMIUM ?? '', args: ARGS })
  t.teardown(() => browser.close())
  mkdirSync(PICTURES, { recursive: true })
  /** What pages complained of, and when they had to be stopped. */
  const complaints: string[] = []

  return {
    complaints,

    /** A page at an address, as wide as told. */
    async open(url: string, { width = 1280, height = 900, colorScheme = 'light' }: Look = {}) {
      const page = await browser.newPage({ viewport: { width, height }, colorScheme })
      page.setDefaultTimeout(60_000)
      page.on('console', (line) => {
        if (line.type() === 'error' || line.type() === 'warning') {
          complaints.push(`${line.type()}: ${line.text()} (${line.location().url})`)
        }
      })
      page.on('pageerror', (error) => complaints.push(error.stack ?? error.message))
      await page.goto(url)
      return page
    },
  }
}

/** Waits until it is to be seen; else says what is. */
export const seen = (what: Locator): Promise<void> =>
  what
    .first()
    .waitFor({ timeout: 60_000 })
    .catch(async (error: Error) => {
      const text = await what.page().locator('body').innerText()
      throw new Error(`${error.message}; at ${what.page().url()} there is: ${text.slice(0, 2000)}`)
    })

/** Goes to a view of the page, as a link would. */
export async function go(page: Page, path: string): Promise<void> {
  await page.evaluate((to) => {
    location.hash = `#/${to}`
  }, path)
}

/** Keeps a picture of all of it, to be looked at. */
export const picture = (page: Page, name: string) =>
  page.screenshot({ path: `${PICTURES}${name}.png`, fullPage: true, animations: 'disabled' })

/** How much wider the content is than the window: 0 when nothing is cut off or scrolls sideways. */
export const overflow = (page: Page): Promise<number> =>
  page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement
    return Math.max(0, scrollWidth - clientWidth)
  })
