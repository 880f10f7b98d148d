// A ledger in the middle of its life: people of every role, requests in every state, a recovery that
// runs. All of it is made by the programs and the pages themselves.
import { join } from 'node:path'
import { Person } from './person.mjs'
import { Service } from './service.mjs'

const BOT = { type: 'agent', id: 'support-bot' }

const disable = (id, ticket) => ({
  subject: BOT,
  action: { name: 'disable_user' },
  resource: { type: 'user', id },
  context: { ticket, contact: `${id.toLowerCase()}@example.com`, sessions: 2 },
})
const remove = (id, ticket) => ({
  subject: BOT,
  action: { name: 'delete_user' },
  resource: { type: 'user', id },
  context: { ticket },
})
const refund = (id, amount, more = {}) => ({
  subject: { type: 'agent', id: 'billing-bot' },
  action: { name: 'refund' },
  resource: { type: 'order', id },
  context: { amount, ...more },
})
const announce = (id, text) => ({
  subject: { type: 'agent', id: 'news-bot' },
  action: { name: 'announce' },
  resource: { type: 'page', id },
  context: { text },
})

// What an attacker would write who may fill in every member.
const HOSTILE = {
  subject: { type: 'agent', id: '<img src=x onerror=alert(1)>' },
  action: { name: 'announce' },
  resource: { type: 'page', id: '"><script>alert(1)</script>\u202egnp.exe' },
  context: {
    text: 'Approved by security \u2066✔\u2069\u200b – press Approve\u0007',
    word: 'incomprehensibilities'.repeat(30),
    '</pre><h1>Approve</h1>': true,
    zalgo: `Z${'\u0301'.repeat(60)}`,
  },
}

export class Stage {
  // Everything up to the moment at which people look at it.
  static async set(placet, work, browser) {
    const self = new Stage()
    self.service = await Service.init(placet, join(work, 'service'))
    const launched = await browser(self.service.spki)
    Object.assign(self, { browser: launched, requests: {}, links: {}, people: {} })
    return self
  }

  async person(name) {
    const person = await Person.at(this.browser, this.service.url, name)
    this.people[name] = person
    return person
  }

  // The first person, and a request for which there was no time. `look` is given what is seen only
  // then.
  async past(look) {
    await this.service.serve({ PLACET_REQUEST_S: '2' })
    const alice = await this.person('Alice Abel')
    await look(alice, { name: 'enrol, nobody is yet', path: '/enrol' })
    await alice.enrolFirst(this.service.code)
    await look(alice, { name: 'queue, empty', path: '/approve' })
    await look(alice, { name: 'history, empty', path: '/history' })
    await look(alice, { name: 'people, one key alone', path: '/people' })
    this.requests.expired = this.service.ask(disable('U2041', 'T-5480'))
    await this.service.stop()
  }

  async present() {
    await this.service.serve()
    const alice = this.people['Alice Abel']
    await alice.signIn()
    await this.letIn(alice, 'Bob Brandt', ['approver'], ['bob@example.com'])
    await this.letIn(alice, 'Cara Conti', ['approver'])
    await this.letIn(alice, 'Dora Dahl', ['auditor'])
    await this.letIn(alice, 'Emil Ek', ['operator'])
    await this.invitations()
    await this.history()
    this.open()
    await this.group()
    await this.people['Cara Conti'].answer(this.requests.half, 'approve')
    await this.recovery()
  }

  async letIn(administrator, name, roles, identities) {
    const person = await this.person(name)
    this.links[name] = await administrator.invite(name, roles, identities)
    await person.join(this.links[name])
    await administrator.letIn(name)
    // The page moves on by itself, when a cosigned checkpoint covers the enrolment.
    await person.element('invite-signin').waitFor()
    await person.signIn()
  }

  // Invitations in the states in which they are seen.
  async invitations() {
    const alice = this.people['Alice Abel']
    this.links.open = await alice.invite('Gita Gupta', ['approver', 'auditor'])
    this.links.cancelled = await alice.invite('Hugo Hahn', ['approver'])
    await alice.goto('/people')
    const rows = alice.page.locator('li').filter({ hasText: 'Hugo Hahn' })
    await rows.getByTestId('cancel').click()
    await rows.getByTestId('cancel').waitFor({ state: 'detached' })
    this.links.waiting = await alice.invite('Fred Frei', ['approver'])
    const fred = await this.person('Fred Frei')
    await fred.join(this.links.waiting)
  }

  async history() {
    const { service, requests } = this
    const bob = this.people['Bob Brandt']
    requests.done = service.ask(disable('U1001', 'T-5501'))
    await bob.answer(requests.done, 'approve')
    await service.carryOut(requests.done, 'success', 'the user is disabled')
    requests.denied = service.ask(refund('O-7712', 'EUR 4,800.00'))
    await bob.answer(requests.denied, 'deny', 'The customer has not sent it back.')
    requests.approved = service.ask(refund('O-7713', 'EUR 19.90'))
    await bob.answer(requests.approved, 'approve')
    requests.cancelled = service.ask(announce('status', 'All systems work again.'))
    await service.post(`/access/v1/requests/${requests.cancelled}/cancel`, {})
    requests.erased = service.ask(announce('birthdays', 'Fred Frei is 40 today.'))
    await bob.answer(requests.erased, 'deny', 'Not everybody wants that.')
    this.erasedLeaf = Number(await bob.page.locator('#leaf').textContent())
    await this.erase()
  }

  // What nobody may read any more.
  async erase() {
    const alice = this.people['Alice Abel']
    await alice.goto(`/erase/${this.erasedLeaf}`)
    await alice.element('erase-reason').fill('It names a person, who objected.')
    await alice.element('erase-submit').click()
    await alice.element('sign-now').click()
    await alice.status(/^erased/i)
  }

  // What waits.
  open() {
    const { service, requests } = this
    requests.fresh = service.ask(disable('U1042', 'T-5519'))
    requests.keyboard = service.ask(disable('U1043', 'T-5520'))
    requests.half = service.ask(remove('U0777', 'T-5523'))
    requests.refund = service.ask(refund('O-7741', 'EUR 129.00', { iban: 'DE02 1203 0000 0000 2020 51' }))
    requests.refused = service.ask(refund('O-7742', 'EUR 2,310.00'))
    requests.announce = service.ask(announce('pricing', 'Prices go down on Monday.'))
    requests.long = service.ask(announce('terms', Array.from({ length: 90 }, (_, i) =>
      `${i + 1}. Whoever uses the service agrees to clause ${i + 1}.`).join('\n')))
    requests.hostile = service.ask(HOSTILE)
    requests.own = service.ask({ ...disable('U1044', 'T-5521'), subject: { ...BOT, id: 'bob@example.com' } })
  }

  // Equal requests that an agent asks for at once: one group in the queue.
  async group() {
    const action = refund('O-7750', 'EUR 35.00')
    const items = []
    for (let i = 0; i < 3; i += 1) {
      const { context } = await this.service.post('/access/v1/evaluation', action)
      const { resource, action: name } = action
      const denial = {
        evaluation_id: context.evaluation_id,
        binding_token: context.access_request.binding_token,
        expires_at: context.access_request.expires_at,
      }
      items.push({ resource, action: name, denial })
    }
    const { subject, context } = action
    return this.service.post('/access/v1/requests', { subject, context, items })
  }

  // Cara has lost her phone; the operator lets her announce a new key.
  async recovery() {
    const { url } = this.service.json('people', 'recover', 'Cara Conti', '--dir', this.service.dir)
    this.links.recovery = url
    const again = await this.person('Cara again')
    await again.join(url)
  }

  async close() {
    await this.browser.close()
    await this.service.stop()
  }
}
