// The only administrator's passkey is lost. Nobody objects, the time passes, the new one counts; an
// auditor decides whether to believe it.
import { must, same, story } from './world.mjs'

await story(async (world) => {
  const check = world.check.bind(world)
  const admin = await world.administrator()
  const old = await world.ask()
  await admin.read(old)
  await admin.answer('approve', /^Approved\. Receipt/)
  // At another device: all that is left of the old one is its key in the log.
  const again = await world.person('Ada Admin')
  let lost, found

  await check('the new passkey is announced and waits', async () => {
    lost = (await world.keysOf('Ada Admin'))[0].key
    const { url } = await world.placet('people', 'recover', 'Ada Admin', '--dir', world.dir)
    await again.join(url)
    await again.says(/^Your new passkey is announced/)
    must(await again.element('invite-begin').isDisabled(), 'it can be enrolled at once')
    must(await again.element('recovery-banner').isVisible(), 'no banner')
  })

  await check('when its time has come the page wakes, and it is enrolled', async () => {
    await again.page.locator('[data-testid=invite-begin]:enabled').waitFor()
    await again.element('invite-begin').click()
    await again.says(/^Ready/)
    const [recovery] = (await world.read('/v1/people')).recoveries
    same(recovery.state, 'complete', 'recovery')
    found = recovery.key
    const keys = await world.keysOf('Ada Admin')
    same(keys.map(({ key }) => key), [lost, found], 'keys')
    same(await again.element('recovery-banner').count(), 0, 'banners')
  })

  await check('who signs in with it does as before, and revokes the lost one', async () => {
    await again.open('/people/me')
    const section = again.page.locator(`[data-key="${lost}"]`).first()
    await section.locator('summary').click()
    await section.getByTestId('revoke-reason').fill('lost')
    await section.getByTestId('revoke-submit').click()
    await again.element('sign-now').click()
    await again.says(/^Recorded, as entry/)
    const request = await world.ask()
    await again.read(request)
    await again.answer('approve', /^Approved\. Receipt/)
    same((await world.taskOf(request)).status, 'approved', 'task')
    await world.verdict('to who trusts the lost key alone the new one is open', request,
      { exit: 3, says: 'lineage.recovery', roots: [lost] })
    await world.verdict('who compared its words and lists it believes it', request,
      { exit: 0, says: 'PASSED', roots: [found] })
    await world.verdict('what the lost one approved before stands', old,
      { exit: 0, says: 'PASSED', roots: [lost] })
  })

  await check('no script failed on the way', async () => {
    same(world.persons.flatMap(({ alarms }) => alarms), [], 'alarms')
  })
})
