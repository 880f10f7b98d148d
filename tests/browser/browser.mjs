// A real Chromium with one virtual passkey, and what a person does on Placet's pages with it.
// Every element is found by its data-testid: enrol-code, enrol-name, enrol-submit, action-json,
// signin-submit, approve, deny, status.
import { readFileSync, writeFileSync, existsSync } from 'node:fs'
import { chromium } from 'playwright-core'

const CHROMIUM = process.env.PLACET_CHROMIUM ?? '/usr/bin/chromium'
const WAIT_MS = 20_000

const AUTHENTICATOR = {
  protocol: 'ctap2',
  ctap2Version: 'ctap2_1',
  transport: 'internal',
  hasResidentKey: true,
  hasUserVerification: true,
  isUserVerified: true,
  automaticPresenceSimulation: true,
  defaultBackupEligibility: false,
  defaultBackupState: false,
}

// Runs in the page before its own scripts: keeps a copy of what the authenticator answered.
function recordCredentials() {
  for (const method of ['create', 'get']) {
    const original = CredentialsContainer.prototype[method]
    CredentialsContainer.prototype[method] = async function (options) {
      const challenge = btoa(String.fromCharCode(...new Uint8Array(options.publicKey.challenge)))
      const credential = await original.call(this, options)
      await window.placetRecord(method, credential.toJSON(), challenge)
      return credential
    }
  }
}

export class Browser {
  // stateFile keeps the passkeys and the registrations between runs; it is read if it exists.
  static async open(base, stateFile) {
    const self = new Browser()
    self.base = base.replace(/\/$/, '')
    self.stateFile = stateFile
    self.state = stateFile && existsSync(stateFile)
      ? JSON.parse(readFileSync(stateFile)) : { credentials: [], registrations: {} }
    self.browser = await chromium.launch({
      executablePath: CHROMIUM,
      headless: true,
      args: process.getuid() === 0 ? ['--no-sandbox'] : [],
    })
    const context = await self.browser.newContext()
    self.recorded = []
    await context.exposeBinding('placetRecord', (_source, method, credential, challenge) => {
      self.recorded.push({ method, credential, challenge: unpadded(challenge) })
    })
    await context.addInitScript(recordCredentials)
    self.page = await context.newPage()
    self.page.setDefaultTimeout(WAIT_MS)
    self.errors = []
    self.page.on('pageerror', (error) => self.errors.push(String(error)))
    self.cdp = await context.newCDPSession(self.page)
    await self.cdp.send('WebAuthn.enable', { enableUI: false })
    const added = await self.cdp.send('WebAuthn.addVirtualAuthenticator', { options: AUTHENTICATOR })
    self.authenticatorId = added.authenticatorId
    for (const credential of self.state.credentials) {
      const { authenticatorId } = self
      await self.cdp.send('WebAuthn.addCredential', { authenticatorId, credential })
    }
    return self
  }

  // Whether the passkey's owner can prove who they are (fingerprint, PIN).
  async setUserVerified(isUserVerified) {
    const { authenticatorId } = this
    await this.cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified })
  }

  async goto(path) {
    const url = path.startsWith('http') ? path : this.base + path
    const answer = await this.page.goto(url)
    if (!answer.ok()) throw new Error(`${url}: HTTP ${answer.status()}`)
  }

  element(id) {
    return this.page.getByTestId(id)
  }

  // The text of the status element, once it matches.
  async status(expected) {
    const found = this.element('status').filter({ hasText: expected })
    try {
      await found.first().waitFor({ state: 'visible' })
    } catch {
      const shown = await this.element('status').allTextContents()
      throw new Error(`status is ${JSON.stringify(shown)}, expected ${expected}; page errors: ${this.errors}`)
    }
    return (await found.first().textContent()).trim()
  }

  async enrol({ path, code, name, expect }) {
    await this.goto(path)
    if (code) await this.element('enrol-code').fill(code)
    await this.element('enrol-name').fill(name)
    await this.element('enrol-submit').click()
    const status = await this.status(expect)
    const created = this.last('create')
    if (created) this.state.registrations[created.credential.id] = created.credential
    return { status, credential: created?.credential.id ?? null }
  }

  // answer is 'approve' or 'deny'; with verified false the authenticator refuses the person.
  async answer({ path, answer, verified, expect }) {
    await this.goto(path)
    await this.signIn()
    const action = JSON.parse(await this.element('action-json').textContent())
    await this.setUserVerified(verified)
    if (answer === 'approve') await this.read()
    await this.element(answer).click()
    const status = await this.status(expect)
    return { status, action, assertion: this.assertion() }
  }

  // From the receipt of a request that is over to the order that erases what it says.
  async erase({ path, reason, expect }) {
    await this.goto(path)
    await this.signIn()
    await this.element('erase-link').click()
    await this.element('erase-reason').fill(reason)
    await this.element('erase-submit').click()
    await this.element('sign-now').click()
    const status = await this.status(expect)
    return { status, assertion: this.assertion() }
  }

  // Signs in where a page leads to the sign-in first, and forgets that assertion.
  async signIn() {
    const away = (url) => url.pathname !== '/signin'
    if (away(new URL(this.page.url()))) return
    await this.element('signin-submit').click()
    await this.page.waitForURL(away)
    this.recorded = this.recorded.filter(({ method }) => method !== 'get')
  }

  // Brings every part of the action on the screen, after which Approve wakes.
  async read() {
    const awake = this.page.locator('#approve[aria-disabled=false]')
    const next = this.page.locator('#next')
    await awake.or(next).first().waitFor({ state: 'visible' })
    while (!(await awake.count())) {
      // Scrolling to the button may itself bring the last part, and the button goes.
      if (await next.isVisible()) await next.evaluate((button) => button.click())
      // The observer tells the page after the next frame.
      await this.page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done))))
    }
  }

  // The last assertion in the form that WebAuthn libraries take, or null if none was made.
  assertion() {
    const used = this.last('get')
    if (!used) return null
    const origin = new URL(this.page.url()).origin
    return {
      origin,
      rpId: new URL(origin).hostname,
      challenge: used.challenge,
      reg: this.state.registrations[used.credential.id] ?? null,
      asr: used.credential,
    }
  }

  last(method) {
    return this.recorded.findLast((entry) => entry.method === method)
  }

  async screenshot(file) {
    await this.page.screenshot({ path: file, fullPage: true })
  }

  async close() {
    const { credentials } = await this.cdp.send('WebAuthn.getCredentials', {
      authenticatorId: this.authenticatorId,
    })
    this.state.credentials = credentials
    if (this.stateFile) writeFileSync(this.stateFile, JSON.stringify(this.state, null, 1))
    await this.browser.close()
  }
}

function unpadded(base64) {
  return base64.replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
}
