// Another policy: an administrator looks at what changes and signs, and the ledger decides by it
// from then on. And who is signed in proves to be there still.
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { must, same, story } from './world.mjs'

const SHIPPED = new URL('../policy', import.meta.url).pathname

await story(async (world) => {
  const check = world.check.bind(world)
  const admin = await world.administrator()
  await world.admit(admin, 'Bob')
  const auditor = await world.admit(admin, 'Dora', { roles: ['auditor'] })
  const folder = `${world.work}/policy`
  cpSync(SHIPPED, folder, { recursive: true })
  const file = `${folder}/policies.cedar`
  const before = readFileSync(file, 'utf8')
  const disable = { action: { name: 'disable_user' } }
  const decided = async () =>
    (await world.call('/access/v1/evaluation', world.action(disable))).body
  const choose = async (path = folder) => {
    await admin.open('/policy')
    await admin.element('policy-folder').setInputFiles(path)
    await admin.element('policy-open').click()
  }

  await check('what changes is shown, and nothing is recorded without a signature', async () => {
    must((await decided()).context.access_request, 'an approval can be had')
    const two = '// One person no longer suffices.\n@quorum("2")'
    writeFileSync(file, before.replace('@quorum("1")', two))
    const { gov } = await world.sizes()
    await choose()
    await admin.says(/^Read the files/)
    const changed = admin.page.locator('#policy-files details[open]')
    same(await changed.count(), 1, 'files that differ')
    const shown = await changed.textContent()
    must(shown.includes('policies.cedar – changed') && shown.includes('no longer suffices'), shown)
    await admin.element('sign-cancel').click()
    await admin.says(/^Nothing was signed/)
    same((await world.sizes()).gov, gov, 'governance')
  })

  await check('signed with a passkey, it decides at once', async () => {
    await choose()
    await admin.element('sign-now').click()
    await admin.says(/^In force, as entry/)
    const request = await world.ask(disable)
    same((await world.taskOf(request)).progress.total_steps, 2, 'persons')
    await admin.open('/policy')
    const { manifest } = await world.placet('policy', 'check', folder)
    same((await admin.element('manifest').textContent()).trim(), manifest, 'manifest')
  })

  await check('one that can not decide is refused before anybody signs', async () => {
    writeFileSync(file, `${before}\npermit (`)
    const { gov } = await world.sizes()
    await choose()
    await admin.says(/^Not done: /)
    must(await admin.page.locator('#sign').isHidden(), 'nothing is to be signed')
    same((await world.sizes()).gov, gov, 'governance')
  })

  await check('an auditor reads it and has nothing to press', async () => {
    same(await auditor.open('/policy'), 200, 'status')
    same(await auditor.element('policy-open').count(), 0, 'buttons')
    const refused = await auditor.post('/policy/open', { files: {} })
    same(refused.status, 403, 'refused')
  })

  await check('who is signed in can be asked for the passkey again', async () => {
    const old = await admin.cookie()
    await admin.goto('/signin?again=1&next=/people')
    await admin.signIn()
    same(new URL(admin.page.url()).pathname, '/people', 'the page behind it')
    must((await admin.cookie()).value !== old.value, 'the session is a new one')
  })
})
