// What ends while somebody reads: the time of the request, the request itself, a passkey, a role.
import { must, same, story } from './world.mjs'

await story(async (world) => {
  const check = world.check.bind(world)
  const admin = await world.administrator()
  const carol = await world.admit(admin, 'Carol')
  const bob = await world.admit(admin, 'Bob')
  const dave = await world.admit(admin, 'Dave')

  // The task, once it has ended: the service says so when it does.
  const ended = async (request, status) => {
    let task
    do task = await world.taskOf(request, 10)
    while (task.status === 'pending')
    same(task.status, status, 'task')
  }
  const unanswered = async (request, last) => {
    const kinds = await world.kinds(request)
    must(!kinds.includes('approval') && !kinds.includes('denial'), kinds.join())
    if (last) same(kinds.at(-1), last, 'last statement')
  }

  // Seconds before his passkey is revoked: times of the log are in seconds.
  const old = await world.ask()
  await bob.read(old)
  await bob.answer('approve', /^Approved\. Receipt/)

  await check('a request whose time ends while the page is open can not be answered', async () => {
    const request = await world.ask()
    await carol.read(request)
    await carol.says(/The time of this request is over|The request is expired now/)
    same(await carol.element('approve').getAttribute('aria-disabled'), 'true', 'Approve')
    await ended(request, 'expired')
    await carol.press('approve')
    const tried = await carol.post(`/approve/${request}/open`, { denial: false })
    same(tried.status, 409, 'open')
    await unanswered(request, 'expiry')
    await world.verdict('an expired request is no approval', request,
      { exit: 3, says: 'answer.absent' })
  })

  await check('nor when it ends while the passkey waits', async () => {
    const request = await world.ask()
    await carol.read(request)
    carol.beforeTouch = () => ended(request, 'expired')
    await carol.answer('approve', /time of this request is over|ran out of time|is expired now/)
    carol.beforeTouch = null
    await unanswered(request, 'expiry')
  })

  await check('a request that the agent withdraws goes from the page', async () => {
    const request = await world.ask()
    await carol.read(request)
    const { status } = await world.call(`/access/v1/requests/${request}/cancel`, {})
    same(status, 200, 'cancel')
    await carol.says(/^The request is cancelled now/)
    same(await carol.element('approve').getAttribute('aria-disabled'), 'true', 'Approve')
    await unanswered(request, 'cancel')
  })

  await check('a passkey that is revoked while the page is open approves nothing', async () => {
    const request = await world.ask()
    await bob.read(request)
    await world.revoke(admin, 'Bob', 'the telephone is lost')
    await bob.element('approve').click()
    const said = await bob.says(/Nothing was recorded|may not answer/)
    await unanswered(request)
    same((await bob.get('/v1/people')).status, 401, 'his session')
    const [key] = await world.keysOf('Bob')
    must(key.revoked, 'the ledger does not say revoked')
    await bob.goto('/approve')
    await bob.element('signin-submit').click()
    await bob.says(/^Not done: /)
    await world.verdict('what he approved before stands', old, { exit: 0, says: 'PASSED' })
    return said
  })

  await check('nor one that is revoked while it is touched', async () => {
    const request = await world.ask()
    await dave.read(request)
    dave.beforeTouch = () => world.revoke(admin, 'Dave', 'left the company')
    await dave.answer('approve', /Nothing (new )?was recorded|may not answer/)
    await unanswered(request)
    must((await world.keysOf('Dave'))[0].revoked, 'the ledger does not say revoked')
  })

  await check('who is no approver any more approves nothing', async () => {
    const request = await world.ask()
    await carol.read(request)
    await world.setRoles(admin, 'Carol', ['auditor'])
    await carol.element('approve').click()
    const said = await carol.says(/approver/)
    await unanswered(request)
    same((await world.personOf('Carol')).roles, ['auditor'], 'roles')
    same(await carol.goto(`/approve/${request}`), 403, 'HTTP status of the page')
    same(await carol.goto('/history'), 200, 'HTTP status of the history')
    return said
  })

  await check('no script failed on the way', async () => {
    same(world.persons.flatMap(({ alarms }) => alarms), [], 'alarms')
  })
})
