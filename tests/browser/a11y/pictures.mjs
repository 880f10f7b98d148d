// The pictures of docs/screenshots: what the pages look like, made from a ledger that runs. Needs
// pngquant (Debian: pngquant).
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { show } from './checks.mjs'

const DESK = { width: 1180, height: 820, deviceScaleFactor: 1 }
const PHONE = { width: 390, height: 844, deviceScaleFactor: 2 }

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
    await person.page.evaluate(() => scrollTo(0, 0))
    // The whole page as far as a reader of the documentation will look.
    const full = await person.page.evaluate(() => document.documentElement.scrollHeight)
    const height = Math.min(full, size === PHONE ? 1700 : 1900)
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
