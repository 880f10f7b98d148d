// The pictures of docs/screenshots: what the pages look like, made from a ledger that runs. Needs
// pngquant (Debian: pngquant).
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { show } from './checks.mjs'

const DESK = { width: 1180, height: 820, deviceScaleFactor: 1 }
const PHONE = { width: 390, height: 844, deviceScaleFactor: 2 }

// As far as a reader of the documentation will look.
const HIGHEST = 1900

// File, name of the page, colours, size.
const WANTED = [
  ['queue-light', 'queue', 'light', DESK],
  ['queue-dark', 'queue', 'dark', DESK],
  ['queue-phone', 'queue', 'dark', PHONE],
  ['queue-empty', 'queue, empty', 'light', DESK],
  ['request-light', 'request', 'light', DESK],
  ['request-dark', 'request', 'dark', DESK],
  ['request-phone', 'request', 'light', PHONE],
  ['request-hostile', 'request, hostile', 'light', DESK],
  ['request-quorum', 'request, two persons', 'light', DESK],
  ['receipt-light', 'receipt, done', 'light', DESK],
  ['receipt-phone', 'receipt, done', 'dark', PHONE],
  ['history-light', 'history', 'light', DESK],
  ['people-light', 'people', 'light', DESK],
  ['invitation-phone', 'invitation, waiting', 'light', PHONE],
  ['log-light', 'log', 'light', DESK],
  ['sign-in-phone', 'sign-in', 'dark', PHONE],
]

export async function pictures(all, of, folder) {
  for (const page of all) await picture(of(page.who), page, folder)
}

export async function picture(person, { name, path }, folder) {
  mkdirSync(folder, { recursive: true })
  const wanted = WANTED.filter(([, page]) => page === name)
  if (wanted.length) await person.goto(path)
  for (const [file, , scheme, size] of wanted) {
    await show(person, { scheme, ...size })
    await prepare(person, file)
    await person.page.evaluate(() => {
      document.activeElement.blur()
      scrollTo(0, 0)
    })
    const full = await person.page.evaluate(() => document.documentElement.scrollHeight)
    const height = Math.min(full, size === PHONE ? 1500 : HIGHEST)
    const { data } = await person.cdp.send('Page.captureScreenshot', {
      format: 'png', captureBeyondViewport: true,
      clip: { x: 0, y: 0, width: size.width, height, scale: 1 },
    })
    const path = join(folder, `${file}.png`)
    writeFileSync(path, Buffer.from(data, 'base64'))
    // A page has few colours.
    execFileSync('pngquant', ['--force', '--strip', '--ext', '.png', '64', path])
  }
}

async function prepare(person, file) {
  if (['request-light', 'request-phone'].includes(file)) await person.read()
  if (file !== 'request-quorum') return
  for (const summary of await person.page.locator('#answer summary').all()) await summary.click()
  await person.page.locator('img.qr').scrollIntoViewIfNeeded()
  await person.page.waitForFunction(() => document.querySelector('img.qr').complete)
}
