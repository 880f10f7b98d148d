// One person at a browser of their own: a context with its own cookies, a page, and passkeys. Which
// device is touched is decided here, as the person's hand would.
const WAIT_MS = 20_000

const DEVICE = {
  protocol: 'ctap2',
  ctap2Version: 'ctap2_1',
  hasResidentKey: true,
  hasUserVerification: true,
  isUserVerified: true,
  // Nothing is touched until somebody does.
  automaticPresenceSimulation: false,
  defaultBackupEligibility: false,
  defaultBackupState: false,
}

// Runs in each page before its own scripts.
function watch() {
  for (const method of ['create', 'get']) {
    const original = CredentialsContainer.prototype[method]
    CredentialsContainer.prototype[method] = async function (options) {
      const ids = (options.publicKey.allowCredentials ?? []).map(({ id }) =>
        btoa(String.fromCharCode(...new Uint8Array(id))))
      await window.placetTouch(method, ids)
      return original.call(this, options)
    }
  }
  // Scripts that came from an agent, or that the policy of the page stopped.
  window.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) =>
    window.placetAlarm(`${violatedDirective} ${blockedURI}`))
}

export class Person {
  static async open(world, name) {
    const self = new Person()
    Object.assign(self, { world, name, alarms: [], devices: [], hand: 0, beforeTouch: null })
    self.context = await world.browser.newContext()
    await self.context.exposeBinding('placetTouch', ({ page }, method, ids) =>
      self.touch(page, method, ids))
    await self.context.exposeBinding('placetAlarm', (_source, text) => self.alarms.push(text))
    await self.context.addInitScript(watch)
    self.page = await self.newPage()
    await self.addDevice('internal')
    world.persons.push(self)
    return self
  }

  // A tab. Passkeys belong to the first one.
  async newPage() {
    const page = await this.context.newPage()
    page.setDefaultTimeout(WAIT_MS)
    page.on('pageerror', (error) => this.alarms.push(String(error)))
    page.on('dialog', (dialog) => {
      this.alarms.push(`dialog ${dialog.message()}`)
      dialog.dismiss()
    })
    return page
  }

  // A phone, or a key that is plugged in.
  async addDevice(transport) {
    if (!this.cdp) {
      this.cdp = await this.context.newCDPSession(this.page)
      await this.cdp.send('WebAuthn.enable', { enableUI: false })
    }
    const options = { ...DEVICE, transport }
    const added = await this.cdp.send('WebAuthn.addVirtualAuthenticator', { options })
    this.devices.push(added.authenticatorId)
    return this.devices.length - 1
  }

  async credentials(device) {
    const authenticatorId = this.devices[device]
    return (await this.cdp.send('WebAuthn.getCredentials', { authenticatorId })).credentials
  }

  // Whether the devices can tell that it is this person.
  async setVerified(isUserVerified) {
    for (const authenticatorId of this.devices) {
      await this.cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified })
    }
  }

  // Touches the device that has one of these passkeys; the one at hand where any will do.
  async touch(_page, method, ids) {
    await this.beforeTouch?.(method)
    let chosen = this.hand
    for (let device = 0; method === 'get' && ids.length && device < this.devices.length; device++) {
      const has = await this.credentials(device)
      if (has.some(({ credentialId }) => ids.includes(credentialId))) chosen = device
    }
    for (const [device, authenticatorId] of this.devices.entries()) {
      const enabled = device === chosen
      await this.cdp.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled })
    }
  }

  element(id) {
    return this.page.getByTestId(id)
  }

  url(path) {
    return path.startsWith('http') ? path : this.world.base + path
  }

  // Gives the HTTP status.
  async goto(path) {
    return (await this.page.goto(this.url(path))).status()
  }

  // Goes to a page, by the sign-in where that comes first.
  async open(path) {
    const status = await this.goto(path)
    if (new URL(this.page.url()).pathname !== '/signin') return status
    await this.signIn()
    return 200
  }

  async signIn() {
    await this.element('signin-submit').click()
    await this.page.waitForURL((url) => url.pathname !== '/signin')
  }

  // The text of the status element, once it matches.
  async says(expected, id = 'status') {
    const found = this.element(id).filter({ hasText: expected }).first()
    try {
      await found.waitFor({ state: 'visible' })
    } catch {
      const shown = await this.element(id).allTextContents()
      throw new Error(`${this.name} is told ${JSON.stringify(shown)} and not ${expected}`)
    }
    return (await found.textContent()).trim()
  }

  // Opens an invitation and makes a passkey; gives the words that the page shows.
  async join(link) {
    await this.goto(link)
    await this.element('invite-begin').click()
    await this.element('fingerprint').waitFor({ state: 'visible' })
    return (await this.element('fingerprint').textContent()).trim()
  }

  // Opens a request and brings every part of it on the screen.
  async read(request) {
    await this.open(`/approve/${request}`)
    const awake = this.page.locator('#approve[aria-disabled=false]')
    const next = this.page.locator('#next')
    await awake.or(next).first().waitFor({ state: 'visible' })
    while (!(await awake.count())) {
      if (await next.isVisible()) await next.evaluate((button) => button.click())
      await this.frame()
    }
  }

  // After the next frame, when the page's observers have been told.
  async frame() {
    await this.page.evaluate(() =>
      new Promise((done) => requestAnimationFrame(() => setTimeout(done))))
  }

  // Presses a button that may be at rest.
  press(id) {
    return this.element(id).evaluate((button) => button.click())
  }

  // Answers what is open; gives what the page says then.
  async answer(what, expected) {
    await this.element(what).click()
    return this.says(expected)
  }

  // As the page's own script would post it; gives the status and the body.
  async post(path, body, headers = {}) {
    return this.page.evaluate(async ([to, value, more]) => {
      const csrf = document.querySelector('meta[name=csrf]')?.content
      const answer = await fetch(to, {
        method: 'POST',
        headers: {
          'Content-Type': 'application/json',
          ...(csrf && { 'X-CSRF-Token': csrf }),
          ...more,
        },
        body: JSON.stringify(value),
      })
      return { status: answer.status, body: await answer.json().catch(() => null) }
    }, [path, body, headers])
  }

  async get(path) {
    return this.page.evaluate(async (from) => {
      const answer = await fetch(from, { redirect: 'manual' })
      return { status: answer.status, body: await answer.json().catch(() => null) }
    }, path)
  }

  async cookie() {
    return (await this.context.cookies()).find(({ name }) => name === 'placet') ?? null
  }
}
