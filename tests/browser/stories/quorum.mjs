// Two have to agree: in two browsers, one after the other and at once, never one of them twice, and
// never the one who asks.
import { must, same, story } from './world.mjs'

await story(async (world) => {
  const check = world.check.bind(world)
  const admin = await world.administrator()
  const bob = await world.admit(admin, 'Bob', { identities: ['bob@example.com'] })
  const carol = await world.admit(admin, 'Carol')
  const deletion = { action: { name: 'delete_user' } }
  const approvals = async (request) =>
    (await world.kinds(request)).filter((kind) => kind === 'approval').length
  let request

  await check('the first of two is told that one more has to approve', async () => {
    request = await world.ask(deletion)
    await carol.read(request)
    await bob.read(request)
    const shown = await bob.page.locator('main').textContent()
    must(shown.includes('0 of 2 have approved; 2 more are needed'), shown)
    await bob.answer('approve', /^Approved\. Receipt .* Others must approve too\.$/)
    const { status, progress } = await world.taskOf(request)
    same([status, progress.current_step, progress.total_steps], ['pending', 2, 2], 'task')
    same(await approvals(request), 1, 'approvals in the log')
    await bob.page.reload()
    await bob.says(/^You have answered\. Others must approve too/)
    const later = await bob.page.locator('main').textContent()
    must(later.includes('1 of 2 have approved; one more is needed'), later)
    await bob.open('/approve')
    await bob.element('request').filter({ hasText: 'delete_user' }).waitFor()
    must((await bob.page.locator('#queue').textContent()).includes('You have answered'), 'queue')
    await world.verdict('half of a quorum is no approval', request, { exit: 1, says: 'quorum' })
  })

  await check('the same person does not count twice, nor by another passkey', async () => {
    same((await bob.element('approve').count()), 0, 'buttons')
    const again = await bob.post(`/approve/${request}/open`, { denial: false })
    same([again.status, again.body.code], [409, 'answer.repeated'], 'once more')
    await bob.open('/people/me')
    bob.hand = await bob.addDevice('usb')
    await bob.element('second-submit').click()
    await bob.says(/^Your new passkey is enrolled/)
    await bob.element('signout').click()
    await bob.page.waitForURL(/\/signin/)
    await bob.open(`/approve/${request}`)
    await bob.says(/^You have answered/)
    const other = await bob.post(`/approve/${request}/open`, { denial: false })
    same([other.status, other.body.code], [409, 'answer.repeated'], 'by the other passkey')
    same(await approvals(request), 1, 'approvals in the log')
    same((await world.taskOf(request)).status, 'pending', 'task')
  })

  await check('the second completes it, and the page of the first says so', async () => {
    await bob.open('/approve')
    const said = await carol.answer('approve', /^Approved\. Receipt/)
    must(!said.includes('Others'), said)
    same((await world.taskOf(request)).status, 'approved', 'task')
    same(await approvals(request), 2, 'approvals in the log')
    // The queue of the other follows by itself.
    await bob.page.locator(`#r-${request}`).waitFor({ state: 'detached' })
    await bob.open(`/approve/${request}`)
    const shown = await bob.page.locator('main').textContent()
    must(/Bob approved/.test(shown) && /Carol approved/.test(shown), shown)
    await world.verdict('two approvals pass', request, { exit: 0, says: 'PASSED' })
  })

  await check('two who approve at once are two approvals', async () => {
    const both = await world.ask(deletion)
    await Promise.all([bob.read(both), carol.read(both)])
    await Promise.all([bob, carol].map((person) => person.answer('approve', /^Approved\. Receipt/)))
    same(await approvals(both), 2, 'approvals in the log')
    await world.verdict('two approvals at once pass', both, { exit: 0, says: 'PASSED' })
  })

  await check('one who denies ends it for the other, whose page says so', async () => {
    const denied = await world.ask(deletion)
    await bob.read(denied)
    await bob.answer('approve', /Others must approve too/)
    const second = await world.ask(deletion)
    await bob.read(second)
    await carol.read(second)
    await carol.page.locator('#reason').fill('not on a Friday')
    await carol.answer('deny', /^Denied\. Receipt/)
    await bob.says(/^The request is denied now\./)
    same(await bob.element('approve').getAttribute('aria-disabled'), 'true', 'Approve')
    await carol.read(denied)
    await carol.answer('deny', /^Denied\. Receipt/)
    same((await world.taskOf(denied)).status, 'denied', 'task')
    same(await world.kinds(denied), ['decision', 'approval', 'denial'], 'kinds')
    await world.verdict('an approval and a denial prove no approval', denied,
      { exit: 1, says: 'answer.denied' })
    await world.verdict('a denial beside an approval proves itself', denied,
      { exit: 0, says: 'PASSED', more: ['--denial'] })
    await world.verdict('a denial of two proves itself', second,
      { exit: 0, says: 'PASSED', more: ['--denial'] })
  })

  await check('who asks can not approve', async () => {
    const own = await world.ask({ ...deletion, subject: { type: 'agent', id: 'Bob@Example.com' } })
    await bob.open(`/approve/${own}`)
    await bob.says(/^You are the one who started this/)
    same(await bob.element('approve').count(), 0, 'buttons')
    const tried = await bob.post(`/approve/${own}/open`, { denial: false })
    same([tried.status, tried.body.code], [403, 'answer.self_approval'], 'tried')
    const acted = await world.ask({
      ...deletion,
      subject: { type: 'agent', id: 'worker', properties: { act: { sub: 'bob@example.com' } } },
    })
    await bob.open(`/approve/${acted}`)
    await bob.says(/^You are the one who started this/)
    for (const person of [carol, admin]) {
      await person.read(own)
      await person.answer('approve', /^Approved\. Receipt/)
    }
    same(await world.kinds(own), ['decision', 'approval', 'approval'], 'kinds')
    await world.verdict('others can', own, { exit: 0, says: 'PASSED' })
  })

  await check('no script failed on the way', async () => {
    same(world.persons.flatMap(({ alarms }) => alarms), [], 'alarms')
  })
})
