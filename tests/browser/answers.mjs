// What may happen while a person answers: a double click, the back button, two tabs, a passkey that
// refuses, a connection that breaks, a session that ends, an action too long for the screen, no
// mouse. Everything leads to a clear message, and nothing is recorded twice.
//
//   node answers.mjs --base URL --state FILE --request JSON --long JSON [--pictures FOLDER]
//
// --request JSON   the command, an array, that asks for an action and prints its task
// --long JSON      the same for an action of many screens
//
// Prints {"checks": [[name, passed, detail], ..]}.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Browser } from './browser.mjs'

const { values } = parseArgs({
  options: {
    base: { type: 'string' },
    state: { type: 'string' },
    request: { type: 'string' },
    long: { type: 'string' },
    pictures: { type: 'string' },
  },
})
let asked = 0
const ask = (command) => {
  const [program, ...rest] = JSON.parse(command)
  // Each action is another one: an equal one would join a request that is open or approved.
  const action = JSON.parse(readFileSync(rest.at(-1)))
  action.context = { ...action.context, run: (asked += 1) }
  const file = `${rest.pop()}.${asked}`
  writeFileSync(file, JSON.stringify(action))
  // The exit code says that it waits for a person.
  const { stdout, stderr } = spawnSync(program, [...rest, file], { encoding: 'utf8' })
  if (!stdout) throw new Error(stderr)
  return JSON.parse(stdout).task.id
}
const request = () => ask(values.request)

const browser = await Browser.open(values.base, values.state)
const { page } = browser
const context = page.context()
const checks = []

async function check(name, work) {
  try {
    checks.push([name, true, (await work()) ?? ''])
  } catch (error) {
    checks.push([name, false, `${error} page errors: ${browser.errors}`])
    if (values.pictures) await browser.screenshot(`${values.pictures}/failed-${checks.length}.png`)
  }
}

function must(condition, text) {
  if (!condition) throw new Error(text)
}

async function open(id) {
  await browser.goto(`/approve/${id}`)
  await browser.signIn()
}

const state = (id) => page.evaluate(async (id) => (await fetch(`/approve/${id}/state`)).json(), id)

await check('the queue follows what happens', async () => {
  await browser.goto('/approve')
  await browser.signIn()
  const rows = page.getByTestId('request')
  const before = await rows.count()
  const id = request()
  await page.locator(`#r-${id}`).waitFor({ state: 'attached' })
  must((await page.title()).startsWith(`(${before + 1}) `), await page.title())
})

await check('a double click records one answer', async () => {
  const id = request()
  await open(id)
  await browser.read()
  let posts = 0
  page.on('request', (r) => { posts += Number(r.method() === 'POST' && r.url().endsWith('/answer')) })
  await browser.element('approve').dblclick()
  const status = await browser.status(/approved\. receipt/i)
  must(posts === 1, `${posts} answers were sent`)
  must((await state(id)).status === 'approval', 'it is not recorded')
  return status
})

await check('the back button shows what became of it', async () => {
  const id = request()
  await open(id)
  await browser.read()
  await browser.element('approve').click()
  await browser.status(/approved\. receipt/i)
  await browser.goto('/approve')
  await page.goBack()
  await browser.status(/approved; not carried out yet/i)
  must((await browser.element('approve').count()) === 0, 'Approve is still there')
})

await check('another tab learns of the answer', async () => {
  const id = request()
  await open(id)
  const other = await context.newPage()
  await other.goto(`${browser.base}/approve/${id}`)
  await browser.read()
  await browser.element('approve').click()
  await browser.status(/approved\. receipt/i)
  await other.getByTestId('status').filter({ hasText: /answered this already/ }).waitFor()
  const resting = await other.getByTestId('approve').getAttribute('aria-disabled')
  await other.close()
  must(resting === 'true', 'Approve is awake in the other tab')
})

await check('a passkey that refuses the person signs nothing, and can be tried again', async () => {
  const id = request()
  await open(id)
  await browser.read()
  await browser.setUserVerified(false)
  await browser.element('approve').click()
  await browser.status(/nothing was signed/i)
  await browser.setUserVerified(true)
  must((await state(id)).state === 'open', 'it is not open')
  await browser.element('approve').click()
  await browser.status(/approved\. receipt/i)
})

await check('an answer whose reply was lost is found again', async () => {
  const id = request()
  await open(id)
  await browser.read()
  await page.route('**/answer', async (route) => {
    await route.fetch()
    await route.abort()
  })
  await browser.element('approve').click()
  await browser.status(/asking the ledger/i)
  const status = await browser.status(/approved\. receipt/i)
  await page.unroute('**/answer')
  return status
})

await check('an answer that never arrived can be given again', async () => {
  const id = request()
  await open(id)
  await browser.read()
  await page.route('**/answer', (route) => route.abort())
  await browser.element('approve').click()
  await browser.status(/nothing was recorded/i)
  await page.unroute('**/answer')
  await browser.element('approve').click()
  await browser.status(/approved\. receipt/i)
})

await check('offline nothing is signed', async () => {
  const id = request()
  await open(id)
  await browser.read()
  await context.setOffline(true)
  await browser.element('deny').click()
  const status = await browser.status(/offline/i)
  await context.setOffline(false)
  return status
})

await check('a request that ended meanwhile can not be answered', async () => {
  const id = request()
  await open(id)
  await browser.read()
  const said = 'the request is expired'
  await page.route('**/answer', (route) => route.fulfill({
    status: 409,
    contentType: 'application/problem+json',
    body: JSON.stringify({ title: 'Conflict', detail: said, code: 'request.expired' }),
  }))
  await browser.element('approve').click()
  await browser.status(/time of this request is over/i)
  await page.unroute('**/answer')
  must((await browser.element('approve').getAttribute('aria-disabled')) === 'true', 'it is awake')
})

await check('a long action is read to its end by keyboard alone, at 200 % zoom', async () => {
  await page.setViewportSize({ width: 640, height: 360 })
  const id = ask(values.long)
  await open(id)
  await page.locator('#gate').waitFor({ state: 'visible' })
  // From the field before the answers: Deny, Approve, and what brings the next part.
  await page.locator('#reason').focus()
  await page.keyboard.press('Tab')
  await page.keyboard.press('Tab')
  must(await page.evaluate(() => document.activeElement.id === 'approve'), 'Approve has no focus')
  await page.keyboard.press('Enter')
  await browser.status(/not been on the screen yet/)
  let presses = 0
  for (; (await page.locator('#approve[aria-disabled=false]').count()) === 0; presses++) {
    must(presses < 500, 'it has no end')
    if (!(await page.locator('#next').isVisible())) continue
    await page.locator('#next').focus()
    await page.keyboard.press('Enter')
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done))))
  }
  must(presses > 1, 'it was not long')
  await page.locator('#approve').focus()
  await page.keyboard.press('Enter')
  await browser.status(/approved\. receipt/i)
  await page.setViewportSize({ width: 1280, height: 720 })
  return `${presses} parts`
})

await check('who is no longer signed in is told so', async () => {
  const id = request()
  await open(id)
  await browser.read()
  await context.clearCookies()
  await browser.element('deny').click()
  const status = await browser.status(/sign-in has ended|not signed in/i)
  must((await page.locator('#status a[href^="/signin?next="]').count()) === 1, 'no link')
  return status
})

await browser.close()
console.log(JSON.stringify({ checks }))
if (checks.some(([, passed]) => !passed)) process.exitCode = 1
