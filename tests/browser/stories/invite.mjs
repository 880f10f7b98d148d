// The first person, invitations, the words that are compared, a second passkey.
import { must, same, story } from './world.mjs'

await story(async (world) => {
  const check = world.check.bind(world)
  const admin = await world.administrator()
  let bob, carol, link

  await check('the first person may do everything and is asked for a second passkey', async () => {
    const { people, administrator_keys: keys } = await world.people()
    same(people.length, 1, 'persons')
    same(people[0].roles, ['administrator', 'approver'], 'roles')
    same(keys, 1, 'keys of administrators')
    await admin.page.getByTestId('enrol-second').click()
    await admin.element('second-wanted').waitFor()
    await admin.open('/people')
    must(await admin.element('last-administrator').isVisible(), 'no warning of the only key')
    return admin.devices.length
  })

  await check('an invitation leads one person from a link to being let in', async () => {
    link = await world.invite(admin, 'Bob', { identities: ['bob@example.com'] })
    bob = await world.person('Bob')
    await bob.goto(link)
    must((await bob.page.textContent('h1')).includes('Bob'), 'the page does not name Bob')
    const words = await bob.join(link)
    same(words.split(' ').length, 6, 'words')
    await bob.says(/^Waiting for an administrator/)
    const section = await world.waiting(admin, 'Bob')
    same((await section.getByTestId('fingerprint').textContent()).trim(), words, 'words')
    same((await world.people()).waiting.map((w) => w.words), [words], 'the ledger’s words')
    const before = await world.sizes()
    await world.letIn(admin, 'Bob')
    // His page goes on by itself.
    await bob.says(/^Ready: you can sign in/)
    must((await world.sizes()).gov > before.gov, 'nothing was recorded')
    const [key] = await world.keysOf('Bob')
    must(key.covered && key.words === words, JSON.stringify(key))
    same((await world.personOf('Bob')).roles, ['approver'], 'roles')
  })

  await check('the page leads from the link to the sign-in, and to a second passkey', async () => {
    await bob.element('invite-signin').click()
    await bob.page.waitForURL(/\/signin/)
    await bob.signIn()
    await bob.element('second-wanted').waitFor()
    same(new URL(bob.page.url()).pathname, '/people/me', 'page')
  })

  await check('a link is used once', async () => {
    const thief = await world.person('Thief')
    const before = await world.sizes()
    await thief.goto(link)
    await thief.says(/^Ready/)
    must((await thief.element('invite-begin').count()) === 0, 'there is a button')
    const { status, body } = await thief.post(`${new URL(link).pathname}/begin`, {})
    same([status, body.code], [409, 'invite.used'], 'begin')
    same(await world.sizes(), before, 'sizes of the logs')
    same((await world.keysOf('Bob')).length, 1, 'keys')
    await thief.context.close()
  })

  await check('a passkey that fails to sign is asked again and not made twice', async () => {
    link = await world.invite(admin, 'Carol')
    carol = await world.person('Carol')
    carol.beforeTouch = (method) => carol.setVerified(method === 'create')
    await carol.goto(link)
    await carol.element('invite-begin').click()
    await carol.says(/^Nothing was signed/)
    same((await world.people()).waiting.map((w) => w.name), ['Carol'], 'who waits')
    const section = await world.waiting(admin, 'Carol')
    must(await section.getByTestId('authorise').isDisabled(), 'she could be let in')
    carol.beforeTouch = null
    await carol.setVerified(true)
    await carol.element('invite-begin').click()
    await carol.says(/^Waiting for an administrator/)
    same((await carol.credentials(0)).length, 1, 'passkeys')
  })

  await check('who only has the link sees no words to say', async () => {
    const thief = await world.person('Thief')
    await thief.goto(link)
    await thief.element('made-elsewhere').waitFor({ state: 'visible' })
    must(!(await thief.element('fingerprint').isVisible()), 'the words show')
    must(await carol.element('fingerprint').isVisible(), 'Carol does not see her words')
    must((await carol.element('made-elsewhere').count()) === 0, 'Carol is warned of herself')
    await thief.context.close()
  })

  await check('somebody who is signed in as another is refused', async () => {
    same(await bob.goto(link), 403, 'HTTP status')
    const said = await bob.says(/./)
    same((await bob.post(`${new URL(link).pathname}/begin`, {})).body.code, 'invite.person', 'code')
    return said
  })

  await check('the administrator lets her in, and her page says so', async () => {
    await world.letIn(admin, 'Carol')
    await carol.says(/^Ready/)
    must((await world.keysOf('Carol'))[0].covered, 'not covered')
  })

  await check('a thief’s passkey has other words and is refused', async () => {
    const stolen = await world.invite(admin, 'Dave')
    const thief = await world.person('Thief')
    const words = await thief.join(stolen)
    const dave = await world.person('Dave')
    await dave.goto(stolen)
    await dave.element('made-elsewhere').waitFor({ state: 'visible' })
    const section = await world.waiting(admin, 'Dave')
    same((await section.getByTestId('fingerprint').textContent()).trim(), words, 'words')
    await section.getByTestId('reject').click()
    await thief.says(/was refused/)
    await dave.goto(stolen)
    await dave.says(/was refused/)
    const { people, waiting } = await world.people()
    must(!people.some(({ name }) => name === 'Dave') && !waiting.length, 'Dave is there')
  })

  await check('an invitation that was taken back is gone', async () => {
    const taken = await world.invite(admin, 'Erin')
    await admin.open('/people')
    await admin.page.locator('li', { hasText: 'Erin' }).getByTestId('cancel').click()
    await admin.page.locator('li', { hasText: 'Erin' }).filter({ hasText: 'cancelled' }).waitFor()
    const erin = await world.person('Erin')
    same(await erin.goto(taken), 410, 'HTTP status')
    await erin.says(/was taken back/)
    const begun = await erin.post(`${new URL(taken).pathname}/begin`, {})
    same(begun.body.code, 'invite.cancelled', 'code')
  })

  await check('a second passkey is authorised by the first', async () => {
    await bob.open('/people/me')
    bob.hand = await bob.addDevice('usb')
    await bob.element('second-submit').click()
    await bob.says(/^Your new passkey is enrolled/)
    must((await bob.element('second-wanted').count()) === 0, 'it is still asked for')
    const keys = await world.keysOf('Bob')
    same(keys.length, 2, 'keys')
    same((await bob.credentials(1)).length, 1, 'passkeys on the second device')
    await bob.open('/people/me')
    same(await bob.element('key').count(), 2, 'keys on the page')
    must((await bob.element('second-wanted').count()) === 0, 'it is asked for again')
  })

  await check('who signs in with the second passkey approves with it', async () => {
    await bob.element('signout').click()
    await bob.page.waitForURL(/\/signin/)
    must((await bob.cookie()) === null, 'the cookie is still there')
    await bob.open('/people/me')
    const here = bob.element('key').filter({ hasText: 'signed in with it here' })
    same(await here.getAttribute('data-key'), (await world.keysOf('Bob'))[1].key, 'key')
    const request = await world.ask()
    await bob.read(request)
    await bob.answer('approve', /^Approved\. Receipt/)
    same((await world.taskOf(request)).status, 'approved', 'task')
    await world.verdict('an approval by the second passkey passes', request,
      { exit: 0, says: 'PASSED' })
    await world.verdict('and not where nobody’s key is trusted', request,
      { exit: 3, says: 'lineage', roots: [] })
  })

  // Headless browsers have no push service: first what a person is told then, and after that a
  // browser whose maker's answers.
  await check('notifications: a browser that can’t have them says so', async () => {
    await bob.open('/people/me')
    await bob.element('push').waitFor({ state: 'visible' })
    const shown = await bob.page.textContent('#push')
    must(shown.includes('no word of what an agent wants'), shown)
    await bob.element('push').click()
    await bob.says(/does not allow notifications|can’t get messages now/, 'push-status')
    await bob.context.grantPermissions(['notifications'])
    await bob.element('push').click()
    const said = await bob.says(/can’t get messages now/, 'push-status')
    same(await bob.element('push').getAttribute('aria-pressed'), 'false', 'pressed')
    return said
  })

  await check('notifications: turned on and off again at one’s own page', async () => {
    const posts = []
    bob.page.on('response', (answer) => {
      const { pathname } = new URL(answer.url())
      if (pathname.startsWith('/push/') && answer.request().method() === 'POST') {
        posts.push([pathname, answer.status()])
      }
    })
    await bob.page.evaluate(async () => {
      const curve = { name: 'ECDH', namedCurve: 'P-256' }
      const pair = await crypto.subtle.generateKey(curve, true, ['deriveBits'])
      const keys = {
        p256dh: await crypto.subtle.exportKey('raw', pair.publicKey),
        auth: crypto.getRandomValues(new Uint8Array(16)).buffer,
      }
      let current = null
      PushManager.prototype.subscribe = async ({ userVisibleOnly, applicationServerKey: key }) => {
        if (!userVisibleOnly || key.length !== 65) throw new TypeError('options')
        const endpoint = 'https://push.example.com/send/abc'
        const unsubscribe = async () => { current = null }
        current = { endpoint, getKey: (name) => keys[name], unsubscribe }
        return current
      }
      PushManager.prototype.getSubscription = async () => current
    })
    await bob.element('push').click()
    await bob.says('Notifications are on.', 'push-status')
    same(await bob.element('push').getAttribute('aria-pressed'), 'true', 'pressed')
    await bob.element('push').click()
    await bob.says('Notifications are off.', 'push-status')
    same(posts, [['/push/subscribe', 200], ['/push/unsubscribe', 200]], 'posts')
  })

  await check('an auditor reads, and may do nothing', async () => {
    const vera = await world.admit(admin, 'Vera', { roles: ['auditor'] })
    same(await vera.goto('/approve'), 403, 'HTTP status of the queue')
    same(await vera.goto('/people'), 200, 'HTTP status of the people')
    same(await vera.element('invite-submit').count(), 0, 'forms')
    const before = await world.sizes()
    const invited = await vera.post('/people/invite', { name: 'X', roles: ['approver'] })
    same([invited.status, invited.body.code], [403, 'http.forbidden'], 'invite')
    same((await world.sizes()).gov, before.gov, 'the governance log')
  })

  await check('no script failed on the way', async () => {
    same(world.persons.flatMap(({ alarms }) => alarms), [], 'alarms')
  })
})
