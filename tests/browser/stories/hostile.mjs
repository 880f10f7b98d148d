// What an agent writes stands on the pages as what it is: text of the agent's, and all of it.
import { createServer } from 'node:http'
import { writeFileSync } from 'node:fs'
import { must, same, story } from './world.mjs'

const SCRIPT = '<script>alert(1)</script><img src=x onerror=alert(2)>'
const TYPE = '<b onclick=alert(3)>user</b>'
const MARKUP = `"><svg onload=alert(4)></pre><a href="javascript:alert(5)">x</a>&lt;${SCRIPT}`
const BIDI = 'pay \u202Eeno ton\u202C \u2066three\u2069 \u200Ffour'
const UNSEEN = 'a\u200Bb\u00ADc\u2060d\uFEFFe\u{E0041}f\u3164g\u00A0h'
const FLOOD = `Z${'\u0336\u0301\u20DD'.repeat(60)} \u0338over`
const WORD = 'W'.repeat(900)
// What no page may hold as it is.
const FORBIDDEN = /[\u00AD\u200B-\u200F\u202A-\u202E\u2060-\u2069\u3164\uFEFF]|\u{E0041}|\p{M}{5}/u
// Elements that only an agent could have brought in.
const PLANTED = 'main img:not(.qr), main svg, main b, main script, [onclick], ' +
  'a[href^="javascript:"]'

const hostile = (world) => ({
  subject: { type: 'agent', id: `bot ${MARKUP}`, properties: { team: BIDI } },
  action: {
    name: SCRIPT,
    properties: {
      [MARKUP]: MARKUP, [BIDI]: UNSEEN, flood: FLOOD, word: WORD,
      lines: 'one\ntwo\r\nthree\u2028four',
      template: '{action.name} ${alert(6)} {{7*7}} \\u0041',
      list: Array.from({ length: 80 }, (_, i) => ({ [`mail ${i}`]: `${i} of 80` })),
    },
  },
  resource: { type: TYPE, id: `${world.asked += 1} ${BIDI} ${WORD.slice(0, 300)}` },
  context: { reason: MARKUP, more: FLOOD },
})

await story(async (world) => {
  const check = world.check.bind(world)
  const told = await listen(world.hook)
  const admin = await world.administrator()
  const action = hostile(world)
  const file = `${world.work}/hostile.json`
  writeFileSync(file, JSON.stringify(action))
  let request

  // Nothing of the agent's became a part of the page, and nothing hides in it.
  const harmless = async (where) => {
    const { page } = admin
    same(admin.alarms, [], `${where}: alarms`)
    same(await page.locator(PLANTED).count(), 0, `${where}: planted elements`)
    const text = await page.evaluate(() => document.documentElement.outerHTML)
    must(!FORBIDDEN.test(text), `${where}: ${JSON.stringify(text.match(FORBIDDEN))}`)
    must(!FORBIDDEN.test(await page.title()), `${where}: the title`)
    return page.textContent('main')
  }

  await check('it is asked for like any other action', async () => {
    const beside = {
      client: { id: MARKUP, name: BIDI },
      requested_access: { justification: `${MARKUP} ${UNSEEN}` },
    }
    request = await world.ask(action, beside)
  })

  await check('the queue shows text and runs nothing', async () => {
    await admin.open('/approve')
    const row = admin.page.locator(`#r-${request}`)
    await row.waitFor()
    const shown = await row.textContent()
    must(shown.startsWith('<script>alert(1)</script>'), shown)
    await harmless('queue')
  })

  await check('the page shows exactly what is signed, as the agent’s words', async () => {
    await admin.open(`/approve/${request}`)
    await harmless('request')
    const shown = await admin.element('action-json').textContent()
    const found = JSON.parse(shown)
    for (const part of ['subject', 'action', 'resource', 'context']) {
      same(sorted(found[part]), sorted(action[part]), part)
    }
    must(shown.includes('pay \\u202eeno ton\\u202c'), 'bidi characters are not escaped')
    must(shown.includes('\\udb40\\udc41'), 'tags are not escaped')
    const said = await admin.page.textContent('#action')
    must(said.includes('The exact action, as the agent wrote it'), 'no label')
    const section = admin.page.locator('section', { has: admin.element('remarks') })
    const remarks = await section.textContent()
    must(remarks.includes('In the agent\'s words'), remarks)
    must(remarks.includes('<svg onload=alert(4)>'), remarks)
  })

  await check('it fits a phone, whatever the agent writes', async () => {
    await admin.page.setViewportSize({ width: 320, height: 640 })
    for (const path of [`/approve/${request}`, '/approve', '/history']) {
      await admin.goto(path)
      const width = await admin.page.evaluate(() => document.documentElement.scrollWidth)
      must(width <= 320, `${path} is ${width} wide`)
    }
    await admin.page.setViewportSize({ width: 1280, height: 720 })
  })

  await check('Approve sleeps until all of it was on the screen', async () => {
    await admin.goto(`/approve/${request}`)
    await admin.page.locator('#gate').waitFor({ state: 'visible' })
    same(await admin.element('approve').getAttribute('aria-disabled'), 'true', 'Approve')
    let touched = 0
    admin.beforeTouch = () => { touched += 1 }
    await admin.press('approve')
    await admin.says(/not been on the screen yet/)
    same([touched, (await world.taskOf(request)).status], [0, 'pending'], 'touched, task')
    await admin.read(request)
    await admin.answer('approve', /^Approved\. Receipt/)
    same(touched, 1, 'touched')
    admin.beforeTouch = null
    await harmless('approved')
    await world.verdict('the approval is of exactly this action', request,
      { exit: 0, says: 'PASSED', more: ['--action', file] })
  })

  await check('the same on every page that tells of it later', async () => {
    const { entries } = await world.read(`/v1/entries?request=${request}`)
    const leaves = entries.map(({ log, index }) => `/receipt/${log}/${index}`)
    must(leaves.length >= 2, JSON.stringify(entries))
    for (const path of ['/history', `/approve/${request}`, `/receipt/request/${request}`, ...leaves,
      `/history?agent=${encodeURIComponent(action.subject.id)}`]) {
      same(await admin.goto(path), 200, path)
      const text = await harmless(path)
      must(text.includes('alert(1)') || text.includes('alert(4)'), `${path} does not name it`)
    }
  })

  await check('messages to chat tools hold nothing that links, mentions or hides', async () => {
    const message = await told.of(request)
    const all = JSON.stringify(message)
    must(!FORBIDDEN.test(all), all)
    const [, { fields }] = message.blocks
    same(fields.map(({ type }) => type), fields.map(() => 'plain_text'), 'types')
    const text = fields.map((field) => field.text).join('\n')
    must(text.includes('<script>alert(1)') && text.includes('pay \\u{202e}eno'), text)
    // Its short form is read as Slack's markup.
    must(!message.text.includes('<script') && message.text.includes('&lt;script'), message.text)
    must(fields.every((field) => field.text.length < 400), text)
  })

  await check('a reason of a person’s is text, too', async () => {
    const denied = await world.ask()
    await admin.read(denied)
    await admin.page.locator('#reason').fill(`${MARKUP} ${BIDI}`)
    await admin.answer('deny', /^Denied\. Receipt/)
    for (const path of [`/approve/${denied}`, `/receipt/request/${denied}`, '/history']) {
      await admin.goto(path)
      await harmless(path)
    }
    await admin.goto(`/approve/${denied}`)
    must((await admin.page.textContent('main')).includes('<svg onload=alert(4)>'), 'no reason')
  })

  await check('names of people are text, too', async () => {
    await world.invite(admin, MARKUP.slice(0, 90))
    await admin.open('/people')
    must((await admin.page.textContent('main')).includes('<svg onload=alert(4)>'), 'no name')
    same(await admin.page.locator(PLANTED).count(), 0, 'planted elements')
    same(admin.alarms, [], 'alarms')
  })

  await check('what is too large or too deep is refused and not recorded', async () => {
    const before = await world.sizes()
    const deep = JSON.parse(`${'['.repeat(60)}${']'.repeat(60)}`)
    for (const [what, properties, statuses] of [
      ['1 MB', { text: 'x'.repeat(1 << 20) }, [400, 413]],
      ['100 KB', { text: 'x'.repeat(100_000) }, [400, 413]],
      ['60 levels', { deep }, [400]],
    ]) {
      const { status, body } = await world.call('/access/v1/evaluation',
        world.action({ action: { name: 'publish', properties } }))
      must(statuses.includes(status), `${what}: HTTP ${status}`)
      const said = JSON.stringify(body)
      must(said.length > 20 && said.length < 2000, `${what}: ${said}`)
    }
    const twice = '{"subject": {"type": "a", "type": "b"}}'
    const broken = await world.call('/access/v1/evaluation', twice)
    same(broken.status, 400, 'a member twice')
    same(await world.sizes(), before, 'sizes of the logs')
  })

  await check('what can be recorded and not be shown whole can not be approved', async () => {
    // Each of 15,000 numbers stands on a line with a name of 20,000 characters.
    const properties = { ['k'.repeat(20_000)]: Array(15_000).fill(0) }
    const action = { action: { name: 'publish', properties } }
    const large = await world.ask(action)
    await admin.open(`/approve/${large}`)
    await admin.says(/^UNINSPECTABLE/)
    same(await admin.element('approve').count(), 0, 'buttons')
    const tried = await admin.post(`/approve/${large}/open`, { denial: false })
    same([tried.status, tried.body.code], [400, 'request.invalid'], 'open')
  })

  await check('the largest that can be shown is read to its end', async () => {
    const properties = { text: 'word '.repeat(12_000) }
    const long = await world.ask({ action: { name: 'publish', properties } })
    await admin.read(long)
    await admin.answer('approve', /^Approved\. Receipt/)
    await world.verdict('and approved', long, { exit: 0, says: 'PASSED' })
  })

  told.close()
  same(admin.alarms, [], 'alarms')
})

// The same value with the members of objects in one order.
function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.keys(value).sort().map((name) => [name, sorted(value[name])]))
}

// A chat tool: keeps what it is told.
async function listen(port) {
  const messages = []
  let heard = () => {}
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const part of request) text += part
    messages.push(JSON.parse(text))
    response.end()
    heard()
  })
  await new Promise((done) => server.listen(port, '127.0.0.1', done))
  return {
    async of(request) {
      for (;;) {
        const found = messages.find((message) => JSON.stringify(message).includes(request))
        if (found) return found
        await new Promise((done) => { heard = done })
      }
    },
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
