// People without a mouse: Tab, Enter and Space lead everywhere, and what happens meanwhile takes the
// focus from nobody.
import { problems, show, WAYS } from './checks.mjs'

const PRESSES = 150

export async function keyboard(stage, story) {
  const { people, requests, service } = stage
  const bob = people['Bob Brandt']
  const cara = people['Cara Conti']
  const alice = people['Alice Abel']
  for (const person of [alice, bob, cara]) await show(person, WAYS[0])

  await story('signing in', async () => {
    await bob.context.clearCookies()
    await bob.goto('/approve')
    await tabTo(bob, '[data-testid=signin-submit]')
    await bob.page.keyboard.press('Enter')
    await bob.page.waitForURL((url) => url.pathname === '/approve')
  })

  await story('the skip link leads to the content', async () => {
    await bob.page.keyboard.press('Tab')
    must(await focused(bob, '.skip'), 'the skip link is not first')
    await bob.page.keyboard.press('Enter')
    must(await focused(bob, 'main'), 'it does not lead to the content')
    await bob.page.keyboard.press('Tab')
    must(await focused(bob, 'main a, main button'), 'the next Tab does not go on there')
  })

  await story('from the queue through the action to the download', async () => {
    await bob.goto('/approve')
    await tabTo(bob, `#r-${requests.keyboard}`)
    await bob.page.keyboard.press('Enter')
    await bob.page.waitForURL(`**/${requests.keyboard}`)
    await readAll(bob)
    await tabTo(bob, '#deny')
    await tabTo(bob, '#approve')
    await bob.page.keyboard.press('Enter')
    await bob.status(/approved\. receipt/i)
    must(await focused(bob, '#approve'), 'the focus is lost when it is recorded')
    await tabTo(bob, '#evidence')
    await download(bob)
    await bob.goto(`/approve/${requests.keyboard}`)
    await tabTo(bob, `a[href="/receipt/request/${requests.keyboard}"]`)
    await bob.page.keyboard.press('Enter')
    await bob.page.waitForURL('**/receipt/request/**')
    await tabTo(bob, 'a[href^="/v1/evidence/"]')
    await download(bob)
  })

  await story('a long action, by the keys that scroll', async () => {
    await bob.goto(`/approve/${requests.long}`)
    await bob.page.locator('#gate').waitFor()
    await readAll(bob)
    must(await bob.element('approve').getAttribute('aria-disabled') === 'false', 'it sleeps on')
  })

  await story('denying, with a reason', async () => {
    await bob.goto(`/approve/${requests.refused}`)
    await tabTo(bob, '#reason')
    await bob.page.keyboard.type('Not what was ordered.')
    await bob.page.keyboard.press('Tab')
    must(await focused(bob, '#deny'), 'Deny does not follow the reason')
    await bob.page.keyboard.press('Space')
    await bob.status(/denied\. receipt/i)
    must(await focused(bob, '#deny'), 'the focus is lost when it is recorded')
  })

  await live(stage, story)
  await persons(stage, story)

  await story('neither colours of the system nor stillness break a page', async () => {
    const media = { forcedColors: 'active', reducedMotion: 'reduce' }
    for (const path of ['/approve', `/approve/${requests.fresh}`, '/people/me']) {
      await bob.goto(path)
      const { found } = await problems(bob, WAYS[0])
      await bob.page.emulateMedia(media)
      found.push(...await bob.page.evaluate(still))
      await bob.page.emulateMedia({ forcedColors: 'none', reducedMotion: 'no-preference' })
      must(found.length === 0, `${path}: ${found}`)
    }
  })

  await story('signing out', async () => {
    await alice.goto('/people')
    await tabTo(alice, '#signout')
    await alice.page.keyboard.press('Enter')
    await alice.page.waitForURL((url) => url.pathname === '/signin')
    must(service.process.exitCode === null, 'the service ended')
  })
}

// What comes by itself is said aloud and moves nothing from under the fingers.
async function live({ people, requests, service }, story) {
  const bob = people['Bob Brandt']
  const cara = people['Cara Conti']
  const action = (id) => ({
    subject: { type: 'agent', id: 'support-bot' },
    action: { name: 'disable_user' },
    resource: { type: 'user', id },
    context: { ticket: 'T-6000' },
  })
  let came
  await story('a request that comes leaves the focus where it is, and is said aloud', async () => {
    await bob.goto('/approve')
    await tabTo(bob, `#r-${requests.refund}`)
    const said = await bob.page.locator('#waits[role=status]').textContent()
    came = service.ask(action('U3001'))
    await bob.page.locator(`#r-${came}`).waitFor()
    must(await focused(bob, `#r-${requests.refund}`), 'the focus went elsewhere')
    must(await bob.page.locator('#waits').textContent() !== said, 'nothing is said')
  })

  await story('a request that goes hands its focus to a neighbour', async () => {
    await tabTo(bob, `#r-${came}`, 'Shift+Tab')
    await service.post(`/access/v1/requests/${came}/cancel`, {})
    await bob.page.locator(`#r-${came}`).waitFor({ state: 'detached' })
    must(await focused(bob, '#queue a'), 'the focus is lost')
  })

  await story('an opened group stays open, with the focus on it', async () => {
    await bob.goto('/approve')
    await tabTo(bob, '#queue summary')
    await bob.page.keyboard.press('Enter')
    came = service.ask(action('U3002'))
    await bob.page.locator(`#r-${came}`).waitFor()
    must(await focused(bob, '#queue details[open] summary'), 'the focus is lost')
  })

  await story('an answer elsewhere is told to who types a reason', async () => {
    await bob.goto(`/approve/${came}`)
    await tabTo(bob, '#reason')
    await bob.page.keyboard.type('I am')
    await cara.answer(came, 'deny', 'Not today.')
    await bob.element('status').filter({ hasText: /denied now|answered/ }).waitFor()
    must(await focused(bob, '#reason'), 'the focus went elsewhere')
    must(await bob.element('status').getAttribute('role') === 'status', 'it is not said aloud')
  })

  await story('the end of the time is said before it comes', async () => {
    const page = await bob.context.newPage()
    await page.clock.install()
    await page.goto(`${bob.base}/approve/${requests.fresh}`)
    const said = page.locator('#time[role=status]')
    const left = await page.locator('time[data-remaining]').first().getAttribute('data-remaining')
    await page.clock.fastForward((left - 280) * 1000)
    await said.filter({ hasText: 'Five minutes' }).waitFor()
    await page.clock.fastForward(240_000)
    await said.filter({ hasText: 'One minute' }).waitFor()
    await page.close()
  })
}

// What administrators do.
async function persons({ people }, story) {
  const alice = people['Alice Abel']
  await story('inviting a person', async () => {
    await alice.goto('/people')
    await tabTo(alice, '[data-testid=invite-name]')
    await alice.page.keyboard.type('Ivan Ito')
    await tabTo(alice, '[data-testid=role-auditor]')
    await alice.page.keyboard.press('Space')
    await tabTo(alice, '[data-testid=invite-submit]')
    await alice.page.keyboard.press('Enter')
    await alice.element('invite-link').filter({ hasText: '/invite/' }).waitFor()
    must(!await focused(alice, 'body'), 'the focus is lost')
  })

  await story('letting in a person', async () => {
    await alice.goto('/people')
    await tabTo(alice, '[data-testid=authorise]')
    await alice.page.keyboard.press('Enter')
    await alice.element('sign-now').waitFor()
    // The question comes with its answers: No, then Yes.
    must(await focused(alice, '#sign *, #sign'), 'the question does not have the focus')
    await tabTo(alice, '#sign-now', 'Tab', true)
    await alice.page.keyboard.press('Enter')
    await alice.status(/enrolled/i)
    must(!await focused(alice, 'body'), 'the focus is lost')
  })
}

function must(condition, text) {
  if (!condition) throw new Error(text)
}

const focused = ({ page }, selector) =>
  page.evaluate((selector) => document.activeElement.matches(selector), selector)

// Presses Tab until that is focused, which it may be already.
async function tabTo(person, selector, key = 'Tab', already = false) {
  await person.page.locator(selector).first().waitFor()
  if (already && await focused(person, selector)) return
  for (let i = 0; i < PRESSES; i += 1) {
    await person.page.keyboard.press(key)
    if (await focused(person, selector)) return
    must(!await focused(person, 'body'), `the focus is lost on the way to ${selector}`)
  }
  throw new Error(`${key} does not lead to ${selector}`)
}

// Brings all of the action on the screen with the keys that scroll, from wherever the focus is.
async function readAll({ page }) {
  for (let i = 0; i < PRESSES; i += 1) {
    if (await page.locator('#approve[aria-disabled=false]').count()) return
    await page.keyboard.press('PageDown')
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done))))
  }
  throw new Error('Approve does not wake')
}

async function download({ page }) {
  const coming = page.waitForEvent('download')
  await page.keyboard.press('Enter')
  const file = await coming
  must(file.suggestedFilename().endsWith('.placet'), file.suggestedFilename())
}

function still() {
  const found = []
  for (const button of document.querySelectorAll('button')) {
    const { borderTopWidth, transitionDuration } = getComputedStyle(button)
    const bare = parseFloat(borderTopWidth) < 1 && !button.closest('nav')
    if (button.checkVisibility() && bare) found.push(`no border: ${button.outerHTML}`)
    if (transitionDuration !== '0s') found.push(`moves: ${button.outerHTML}`)
  }
  return found
}
