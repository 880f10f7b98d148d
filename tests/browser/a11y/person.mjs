// Somebody at a browser of their own, with one virtual passkey.
const WAIT_MS = 20_000

const AUTHENTICATOR = {
  protocol: 'ctap2',
  ctap2Version: 'ctap2_1',
  transport: 'internal',
  hasResidentKey: true,
  hasUserVerification: true,
  isUserVerified: true,
  automaticPresenceSimulation: true,
}

export class Person {
  static async at(browser, base, name) {
    const self = new Person()
    const context = await browser.newContext()
    Object.assign(self, { base, name, context, troubles: [] })
    self.page = await context.newPage()
    self.page.setDefaultTimeout(WAIT_MS)
    self.page.on('pageerror', (error) => self.troubles.push(`error: ${error}`))
    self.page.on('console', (message) => {
      // A page that answers 404 is one that is looked at here.
      const { url } = message.location()
      if (message.type() === 'error' && url !== self.page.url()) {
        self.troubles.push(`console: ${message.text()} ${url}`)
      }
    })
    self.cdp = await context.newCDPSession(self.page)
    await self.cdp.send('WebAuthn.enable', { enableUI: false })
    await self.cdp.send('WebAuthn.addVirtualAuthenticator', { options: AUTHENTICATOR })
    return self
  }

  async goto(path) {
    return this.page.goto(path.startsWith('http') ? path : this.base + path)
  }

  element(id) {
    return this.page.getByTestId(id)
  }

  async status(expected) {
    const found = this.element('status').filter({ hasText: expected })
    await found.first().waitFor().catch(async () => {
      const shown = await this.element('status').allTextContents()
      throw new Error(`${this.name} reads ${JSON.stringify(shown)} in place of ${expected}`)
    })
  }

  async enrolFirst(code) {
    await this.goto('/enrol')
    await this.element('enrol-code').fill(code)
    await this.element('enrol-name').fill(this.name)
    await this.element('enrol-submit').click()
    await this.status(/enrolled/i)
    // It counts when a cosigned checkpoint covers it.
    await this.page.waitForFunction(async () =>
      (await (await fetch('/people/me')).text()).includes('ready'), null, { polling: 200 })
  }

  async signIn() {
    await this.goto('/signin?next=/people/me')
    if (this.page.url().includes('/signin')) await this.element('signin-submit').click()
    await this.page.waitForURL('**/people/me')
  }

  // What the page behind a link asks of who was invited, up to the words of the fingerprint.
  async join(link) {
    await this.goto(link)
    await this.element('invite-begin').click()
    await this.element('fingerprint').waitFor()
  }

  // Makes an invitation; gives its link.
  async invite(name, roles, identities = []) {
    return this.page.evaluate(async (body) => {
      const { post } = await import('/assets/passkey.js')
      return (await post('/people/invite', body)).url
    }, { name, roles, identities })
  }

  // Lets in whoever waits under this name.
  async letIn(name) {
    await this.goto('/people')
    const waiting = this.element('waiting').filter({ hasText: name })
    await waiting.getByTestId('authorise').click()
    await this.element('sign-now').click()
    await this.status(/enrolled/i)
  }

  async answer(request, answer, reason) {
    await this.goto(`/approve/${request}`)
    if (answer === 'approve') await this.read()
    if (reason) await this.page.locator('#reason').fill(reason)
    await this.element(answer).click()
    await this.status(answer === 'approve' ? /approved\. receipt/i : /denied\. receipt/i)
  }

  // Brings every part of the action on the screen, after which Approve wakes.
  async read() {
    const awake = this.page.locator('#approve[aria-disabled=false]')
    const next = this.page.locator('#next')
    await awake.or(next).first().waitFor()
    while (!(await awake.count())) {
      if (await next.isVisible()) await next.evaluate((button) => button.click())
      await this.page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done))))
    }
  }
}
