// Somebody says that a passkey is lost: everybody is told, and whoever may objects.
import { must, same, story } from './world.mjs'

await story(async (world) => {
  const check = world.check.bind(world)
  const admin = await world.administrator()
  const bob = await world.admit(admin, 'Bob')
  const vera = await world.admit(admin, 'Vera', { roles: ['auditor'] })
  const olga = await world.admit(admin, 'Olga', { roles: ['operator'] })
  const thief = await world.person('Thief')
  let link, words

  await check('the operator makes a link on the ledger’s machine', async () => {
    const before = await world.sizes()
    const made = await world.placet('people', 'recover', 'Bob', '--dir', world.dir)
    link = made.url
    same([made.person, made.delay_s], [(await world.personOf('Bob')).person, 86400], 'made')
    same((await world.sizes()).gov, before.gov, 'the governance log')
    await bob.open('/approve')
    same(await bob.element('recovery-banner').count(), 0, 'banners')
  })

  await check('a new passkey is announced and does not count yet', async () => {
    await thief.goto(link)
    const shown = await thief.page.textContent('main')
    must(shown.includes('Everybody who uses this ledger is told'), shown)
    words = await thief.join(link)
    await thief.says(/^Your new passkey is announced/)
    must(await thief.element('invite-begin').isDisabled(), 'it can be enrolled at once')
    const [recovery] = (await world.read('/v1/people')).recoveries
    same([recovery.state, recovery.words], ['running', words], 'recovery')
    same((await world.keysOf('Bob')).length, 1, 'keys of Bob')
    const { body } = await thief.post(`${new URL(link).pathname}/complete`, {})
    same(body.code, 'recovery.early', 'complete')
    await thief.goto('/signin')
    await thief.element('signin-submit').click()
    await thief.says(/^Not done: /)
  })

  await check('everybody is told, on every page', async () => {
    for (const [person, path] of [[admin, '/people'], [bob, '/approve'], [vera, '/history'],
      [olga, '/people/me']]) {
      await person.open(path)
      const said = await person.element('recovery-banner').textContent()
      must(said.includes('Bob') && said.includes('object'), `${person.name}: ${said}`)
    }
    const alarms = (await world.read('/v1/entries?kind=administration')).entries
    must(alarms.length > 0, 'no administrative act is recorded')
  })

  await check('who may not object sees no button and is refused', async () => {
    const before = await world.sizes()
    for (const person of [vera, olga]) {
      await person.open('/people/me')
      must((await person.page.textContent('#recoveries')).includes(words), 'the words do not show')
      same(await person.element('object').count(), 0, `buttons for ${person.name}`)
      const { key } = (await world.read('/v1/people')).recoveries[0]
      const tried = await person.post('/people/me/change/open', { act: 'revoke', key, reason: 'x' })
      same(tried.status, 403, person.name)
    }
    same((await world.sizes()).gov, before.gov, 'the governance log')
  })

  await check('Bob, who lost nothing, objects, and that ends it', async () => {
    await bob.open('/people/me')
    await bob.element('object').click()
    await bob.element('sign-now').click()
    await bob.says(/^Recorded, as entry/)
    same((await world.read('/v1/people')).recoveries[0].state, 'objected', 'recovery')
    // Whoever announced it learns of it.
    await thief.goto(link)
    await thief.says(/was refused/)
    const { body } = await thief.post(`${new URL(link).pathname}/complete`, {})
    must(['invite.unknown', 'recovery.objected'].includes(body.code), body.code)
    same((await world.keysOf('Bob')).length, 1, 'keys of Bob')
    await vera.open('/history')
    same(await vera.element('recovery-banner').count(), 0, 'banners')
  })

  await check('Bob approves as before', async () => {
    const request = await world.ask()
    await bob.read(request)
    await bob.answer('approve', /^Approved\. Receipt/)
    await world.verdict('an objection harms nobody', request, { exit: 0, says: 'PASSED' })
  })

  await check('no script failed on the way', async () => {
    same(world.persons.flatMap(({ alarms }) => alarms), [], 'alarms')
  })
})
