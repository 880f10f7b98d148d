// What all stories share: one Chromium, a ledger that runs, the people in it, an agent that asks,
// and the ledger's own word on what it recorded.
//
//   node stories/NAME.mjs JSON
//
// JSON: {base, dir, code, program, work, pictures}. Prints {"checks": [[name, passed, detail], ..],
// "verdicts": [{name, file, roots, exit, says, more}, ..]}; what is judged is judged by the
// verifier, when the service has ended.
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { chromium } from 'playwright-core'
import { Person } from './person.mjs'

const CHROMIUM = process.env.PLACET_CHROMIUM ?? '/usr/bin/chromium'
const ADMINISTRATOR = 'Ada Admin'
const run = promisify(execFile)

export function must(condition, text) {
  if (!condition) throw new Error(text)
}

// Two values that have to be the same.
export function same(found, wanted, what) {
  const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)]
  must(a === b, `${what}: ${a}, not ${b}`)
}

export async function story(work) {
  const world = new World(JSON.parse(process.argv[2]))
  world.browser = await chromium.launch({
    executablePath: CHROMIUM,
    headless: true,
    args: process.getuid() === 0 ? ['--no-sandbox'] : [],
  })
  await world.check('the story comes to its end', () => work(world))
  await world.browser.close()
  const { checks, verdicts } = world
  console.log(JSON.stringify({ checks, verdicts }))
  if (checks.some(([, passed]) => !passed)) process.exitCode = 1
}

class World {
  constructor(given) {
    Object.assign(this, given)
    this.checks = []
    this.verdicts = []
    this.persons = []
    this.asked = 0
    this.pepToken = readFileSync(`${this.dir}/keys/pep-token`, 'utf8').trim()
  }

  async check(name, work) {
    try {
      this.checks.push([name, true, (await work()) ?? ''])
    } catch (error) {
      this.checks.push([name, false, String(error.stack ?? error)])
      const at = this.checks.length
      for (const [i, { page }] of this.persons.entries()) {
        await page.screenshot({ path: `${this.pictures}/failed-${at}-${i}.png` }).catch(() => {})
      }
    }
  }

  person(name) {
    return Person.open(this, name)
  }

  // --- People

  // The first person, enrolled with the one-time code.
  async administrator() {
    const admin = await this.person(ADMINISTRATOR)
    await admin.goto('/enrol')
    await admin.element('enrol-code').fill(this.code)
    await admin.element('enrol-name').fill(ADMINISTRATOR)
    await admin.element('enrol-submit').click()
    await admin.says(/^Enrolled, as entry/)
    this.root = (await this.keysOf(ADMINISTRATOR))[0].key
    return admin
  }

  // A link for somebody, made on the page.
  async invite(admin, name, { roles = ['approver'], identities = [] } = {}) {
    await admin.open('/people')
    await admin.element('invite-name').fill(name)
    for (const role of ['administrator', 'approver', 'auditor', 'operator']) {
      await admin.element(`role-${role}`).setChecked(roles.includes(role))
    }
    await admin.page.locator('input[name=identities]').fill(identities.join(', '))
    await admin.element('invite-submit').click()
    await admin.element('invite-link').waitFor({ state: 'visible' })
    return (await admin.element('invite-link').textContent()).trim()
  }

  // The part of the page on which somebody waits.
  async waiting(admin, name) {
    await admin.open('/people')
    return admin.element('waiting').filter({ hasText: name })
  }

  // Authorises who waits under this name.
  async letIn(admin, name) {
    const section = await this.waiting(admin, name)
    await section.getByTestId('authorise').click()
    await admin.element('sign-now').click()
    await admin.says(/^Enrolled, as entry/)
  }

  // Invites somebody, lets them in, and signs them in.
  async admit(admin, name, how) {
    const person = await this.person(name)
    await person.join(await this.invite(admin, name, how))
    await this.letIn(admin, name)
    await person.says(/^Ready/)
    await person.open('/approve')
    return person
  }

  // Signs a change of roles or a revocation on the administrator's page of somebody.
  async change(admin, name, work) {
    const { person } = await this.personOf(name)
    await admin.open(`/people/${person}`)
    await work(admin.page)
    await admin.element('sign-now').click()
    await admin.says(/^Recorded, as entry/)
  }

  setRoles(admin, name, roles) {
    return this.change(admin, name, async (page) => {
      const form = page.locator('form[data-form=roles]')
      for (const role of ['administrator', 'approver', 'auditor', 'operator']) {
        await form.getByTestId(`role-${role}`).setChecked(roles.includes(role))
      }
      await form.getByTestId('roles-submit').click()
    })
  }

  // Revokes the first passkey of somebody that is not revoked.
  revoke(admin, name, reason) {
    return this.change(admin, name, async (page) => {
      const form = page.locator('form[data-form=revoke]').first()
      await page.locator('summary', { hasText: 'Revoke this passkey' }).first().click()
      await form.getByTestId('revoke-reason').fill(reason)
      await form.getByTestId('revoke-submit').click()
    })
  }

  // --- What the ledger says

  async placet(...words) {
    const { stdout } = await run(this.program, ['--json', ...words])
    return JSON.parse(stdout)
  }

  async adminToken() {
    if (this.tokenFile) return this.tokenFile
    const made = await this.placet('token', 'create', '--dir', this.dir, '--label', 'stories',
      '--scope', 'admin', '--scope', 'evidence.read')
    const file = `${this.work}/admin-token`
    writeFileSync(file, made.token, { mode: 0o600 })
    return (this.tokenFile = file)
  }

  // `placet people list`.
  async people() {
    const token = await this.adminToken()
    return this.placet('people', 'list', '--url', this.base, '--token-file', token)
  }

  async personOf(name) {
    const found = (await this.people()).people.filter((person) => person.name === name)
    must(found.length === 1, `${found.length} persons are named ${name}`)
    return found[0]
  }

  async keysOf(name) {
    return (await this.personOf(name)).keys
  }

  // `GET` of the interface for programs, with the token of an administrator's program.
  async read(path) {
    const token = readFileSync(await this.adminToken(), 'utf8').trim()
    const answer = await fetch(this.base + path, { headers: { Authorization: `Bearer ${token}` } })
    must(answer.ok, `${path}: HTTP ${answer.status}`)
    return answer.json()
  }

  // How many entries the logs have: nothing may be recorded where nothing was agreed to.
  async sizes() {
    const size = async (log) => {
      const text = await (await fetch(`${this.base}/${log}/checkpoint-fast`)).text()
      return Number(text.split('\n')[1])
    }
    return { main: await size('log'), gov: await size('gov') }
  }

  // The kinds of the statements about a request, in the order of the log: all that are in it now.
  async kinds(request) {
    const { main } = await this.sizes()
    for (;;) {
      const { entries, indexed_to: to } = await this.read(`/v1/entries?request=${request}`)
      if (to.main >= main) return entries.map(({ kind }) => kind).reverse()
    }
  }

  // Keeps evidence about a request for the verifier.
  async verdict(name, request, { exit, says, roots = [this.root], more = [] }) {
    const file = `${this.work}/${this.verdicts.length}.placet`
    await this.placet('evidence', request, '--url', this.base, '--wait', '30s', '--out', file,
      '--token-file', `${this.dir}/keys/pep-token`)
    this.verdicts.push({ name, file, roots, exit, says, more })
  }

  // --- The agent

  // AuthZEN's evaluation; gives status and body.
  async call(path, body) {
    const answer = await fetch(this.base + path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${this.pepToken}` },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
    return { status: answer.status, body: await answer.json().catch(() => null) }
  }

  // An action like no other: equal ones would join one request.
  action(parts = {}) {
    return {
      subject: { type: 'agent', id: 'support-bot' },
      action: { name: 'disable_user' },
      resource: { type: 'user', id: `X${String((this.asked += 1)).padStart(4, '0')}` },
      ...parts,
    }
  }

  // Asks for an action and for an approval of it; gives the id of the request.
  async ask(parts = {}, beside = {}) {
    const action = this.action(parts)
    const decided = await this.call('/access/v1/evaluation', action)
    const offer = decided.body?.context?.access_request
    must(offer, `no approval to be had: ${JSON.stringify(decided)}`)
    const denial = { evaluation_id: decided.body.context.evaluation_id }
    const submission = { ...action, ...beside, denial }
    const { status, body } = await this.call('/access/v1/requests', submission)
    must(status === 202, `the request was refused: ${JSON.stringify(body)}`)
    return body.task.id
  }

  // The task, after a change or so many seconds if it is pending.
  async taskOf(request, wait = 0) {
    const headers = { Authorization: `Bearer ${this.pepToken}` }
    const url = `${this.base}/access/v1/requests/${request}?wait=${wait}`
    const answer = await fetch(url, { headers })
    return (await answer.json()).task
  }
}
