// Pages of others, cookies of others, documents of others: in a browser that does what browsers do.
import { createServer, request as httpRequest } from 'node:http'
import { must, same, story } from './world.mjs'

await story(async (world) => {
  const check = world.check.bind(world)
  const admin = await world.administrator()
  const bob = await world.admit(admin, 'Bob')
  const carol = await world.admit(admin, 'Carol')
  const evil = await serveEvil()
  // Of another origin and the same site, as a neighbour on one host; and of another site.
  const places = [`http://localhost:${evil.port}`, `http://127.0.0.1:${evil.port}`]

  // Work that must leave everything as it was.
  const unchanged = async (work) => {
    const [sizes, people] = [await world.sizes(), await world.read('/v1/people')]
    await work()
    same(await world.sizes(), sizes, 'sizes of the logs')
    same(await world.read('/v1/people'), people, 'people')
  }

  await check('a cookie that was planted before the sign-in is nobody’s after it', async () => {
    const victim = bob
    const attacker = (await carol.cookie()).value
    for (const planted of ['x'.repeat(43), attacker]) {
      await victim.context.clearCookies()
      await victim.context.addCookies([{ name: 'placet', value: planted, url: world.base }])
      await victim.goto('/signin')
      // With the attacker's session the person is led on as the attacker: nothing can be signed.
      if (new URL(victim.page.url()).pathname !== '/signin') {
        await victim.element('signout').click()
        await victim.page.waitForURL(/\/signin/)
        await victim.context.addCookies([{ name: 'placet', value: planted, url: world.base }])
        await victim.goto('/signin')
      }
      await victim.signIn()
      const now = (await victim.cookie()).value
      must(now !== planted, 'the planted cookie was kept')
      must((await as(planted)) === 401, 'the planted cookie is somebody')
      must((await as(now)) === 200, 'the new cookie is nobody')
    }
    await carol.open('/signin')
    await carol.open('/approve')
  })

  await check('each sign-in has a session of its own, which ends at the sign-out', async () => {
    const first = (await bob.cookie()).value
    await bob.element('signout').click()
    await bob.page.waitForURL(/\/signin/)
    same(await as(first), 401, 'the old session')
    await bob.open('/approve')
    must((await bob.cookie()).value !== first, 'the same id again')
  })

  await check('scripts can’t read the cookie, and other sites don’t bring it', async () => {
    const cookie = await bob.cookie()
    same([cookie.httpOnly, cookie.sameSite, cookie.path], [true, 'Strict', '/'], 'attributes')
    same(await bob.page.evaluate(() => document.cookie), '', 'document.cookie')
  })

  await check('two cookies of the name are nobody', async () => {
    const { value } = await bob.cookie()
    same(await as(`${value}; placet=${(await carol.cookie()).value}`), 401, 'HTTP status')
  })

  for (const place of places) {
    const where = new URL(place).hostname
    await check(`a form on ${where} changes nothing`, () => unchanged(async () => {
      const body = '{"name":"Mallory","roles":["administrator"],"x":"'
      for (const [path, type] of [['/people/invite', 'text/plain'], ['/signout', 'text/plain'],
        ['/people/erase-name', 'application/x-www-form-urlencoded']]) {
        const answered = admin.page.waitForResponse((r) => r.url() === world.base + path)
        await admin.page.goto(`${place}/form?to=${encodeURIComponent(world.base + path)}` +
          `&type=${encodeURIComponent(type)}&body=${encodeURIComponent(body)}`)
        const status = (await answered).status()
        // Of another site no cookie came: there is nobody to sign out.
        must(status >= 400 || (path === '/signout' && place === places[1]), `${path}: ${status}`)
      }
      await admin.open('/people')
      must(await admin.element('invite-submit').isVisible(), 'she was signed out')
    }))

    await check(`a script on ${where} changes and reads nothing`, () => unchanged(
      async () => {
        await admin.page.goto(`${place}/blank`)
        const found = await admin.page.evaluate(async (base) => {
          const body = JSON.stringify({ name: 'Mallory', roles: ['administrator'] })
          const typed = { 'Content-Type': 'application/json' }
          const results = []
          for (const [path, options] of [
            ['/people/invite', { method: 'POST', body, mode: 'no-cors' }],
            ['/people/invite', { method: 'POST', body, headers: typed }],
            ['/people/invite', { method: 'POST', body, headers: { 'X-CSRF-Token': 'x' } }],
            ['/v1/people', {}],
            ['/approve', {}],
            ['/events', {}],
          ]) {
            try {
              const answer = await fetch(base + path, { ...options, credentials: 'include' })
              results.push(answer.type === 'opaque' ? 'opaque' : `${answer.status}`)
            } catch (error) {
              results.push(error.name)
            }
          }
          return results
        }, world.base)
        same(found, ['opaque', ...Array(5).fill('TypeError')], 'fetches')
      }))
  }

  await check('a post without the session’s own token is refused', () => unchanged(
    async () => {
      await admin.open('/people')
      await carol.open('/approve')
      const others = await carol.page.locator('meta[name=csrf]').getAttribute('content')
      for (const token of ['', 'x', others]) {
        const body = { name: 'Mallory', roles: ['administrator'] }
        const tried = await admin.post('/people/invite', body, { 'X-CSRF-Token': token })
        same([tried.status, tried.body.code], [403, 'http.csrf'], `with ${JSON.stringify(token)}`)
      }
    }))

  await check('nobody is signed in as somebody else by another page', async () => {
    const message = await carol.page.evaluate(async () => {
      const { get, post } = await import('/assets/passkey.js')
      const begun = await post('/signin/begin', {})
      return JSON.stringify({ message: begun.message, credential: await get(begun.options) })
    })
    const victim = await world.person('Victim')
    for (const place of places) {
      const to = `${world.base}/signin/finish`
      const answered = victim.page.waitForResponse((r) => r.url() === to)
      await victim.page.goto(`${place}/form?to=${encodeURIComponent(to)}&type=text/plain` +
        `&body=${encodeURIComponent(`${message.slice(0, -1)},"x":"`)}`)
      same((await answered).status(), 403, `from ${place}`)
      same(await victim.cookie(), null, 'cookie')
    }
    await victim.context.close()
  })

  await check('our pages are in no frame of another page', async () => {
    const request = await world.ask()
    for (const place of places) {
      for (const path of [`/approve/${request}`, '/people', '/signin', '/']) {
        await bob.page.goto(`${place}/frame?of=${encodeURIComponent(world.base + path)}`)
        const inside = bob.page.frames().find((frame) => frame !== bob.page.mainFrame())
        await inside.waitForLoadState()
        must(inside.url().startsWith('chrome-error:'), `${path} is framed: ${inside.url()}`)
        same(await inside.locator('[data-testid=approve]').count(), 0, 'buttons')
      }
    }
    same((await world.taskOf(request)).status, 'pending', 'task')
  })

  await check('a window that another page opens is out of its reach', async () => {
    await bob.page.goto(`${places[0]}/blank`)
    const opened = bob.context.waitForEvent('page')
    await bob.page.evaluate((url) => { window.other = window.open(url) }, `${world.base}/`)
    const page = await opened
    await page.waitForLoadState()
    same(await page.evaluate(() => window.opener), null, 'opener')
    must(await bob.page.evaluate(() => window.other.closed), 'the window can be reached')
    await page.close()
  })

  await check('a sign-in leads to pages of ours alone', async () => {
    await bob.context.clearCookies()
    for (const next of [`//localhost:${evil.port}/blank`, `${places[0]}/blank`, '/\\evil',
      'javascript:alert(1)']) {
      await bob.goto(`/signin?next=${encodeURIComponent(next)}`)
      same(await bob.page.locator('#signin').getAttribute('data-next'), '/approve', next)
    }
    await bob.signIn()
    same(bob.page.url(), `${world.base}/approve`, 'page')
  })

  await check('a request by another name of the host is refused', async () => {
    for (const host of ['evil.example', `evil.example:${new URL(world.base).port}`, 'localhost']) {
      const { status } = await raw(world.base, '/approve', { host })
      same(status, 421, host)
    }
    const { status, headers } = await raw(world.base, '/signin', {})
    same(status, 200, 'by ours')
    must(headers['content-security-policy'].includes("frame-ancestors 'none'"), 'no policy')
  })

  await check('an answer prepared for one can’t be given by another', async () => {
    const request = await world.ask()
    await bob.open(`/approve/${request}`)
    const prepared = JSON.parse(await bob.page.locator('#answer').getAttribute('data-prepared'))
    await carol.open('/approve')
    const tried = await carol.page.evaluate(async ([id, document, challenge]) => {
      const { get, post } = await import('/assets/passkey.js')
      const begun = await post('/signin/begin', {})
      const credential = await get({ ...begun.options, challenge })
      return post(`/approve/${id}/answer`, { document, credential }).catch(({ code }) => code)
    }, [request, prepared.document, prepared.options.challenge])
    must(['answer.assertion', 'answer.document_unknown'].includes(tried), JSON.stringify(tried))
    const credential = prepared.options.allowCredentials[0].id
    const asBob = await carol.post(`/approve/${request}/open`, { denial: false, credential })
    same([asBob.status, asBob.body.code], [403, 'http.person'], 'in the name of Bob')
    same(await world.kinds(request), ['decision'], 'kinds')
  })

  await check('an answer that was overheard can’t be given again, nor elsewhere', async () => {
    const [request, other] = [await world.ask(), await world.ask()]
    let sent
    bob.page.on('request', (r) => { if (r.url().endsWith('/answer')) sent = r.postDataJSON() })
    await bob.read(request)
    await bob.answer('approve', /^Approved\. Receipt/)
    for (const id of [request, other]) {
      const again = await bob.post(`/approve/${id}/answer`, sent)
      must(again.status >= 400, `answered again: ${JSON.stringify(again)}`)
    }
    same(await world.kinds(request), ['decision', 'approval'], 'kinds')
    same(await world.kinds(other), ['decision'], 'kinds of the other')
  })

  await check('who stole a session looks and signs nothing', async () => {
    const thief = await world.person('Thief')
    await thief.context.addCookies([{ ...(await bob.cookie()) }])
    const request = await world.ask()
    await thief.read(request)
    await thief.press('approve')
    await thief.says(/^Nothing was signed/)
    same(await world.kinds(request), ['decision'], 'kinds')
    await thief.context.close()
  })

  await check('a session ends when its passkey is revoked', async () => {
    const { value } = await bob.cookie()
    same(await as(value), 200, 'before')
    await world.revoke(admin, 'Bob', 'stolen')
    same(await as(value), 401, 'after')
    await bob.goto('/approve')
    same(new URL(bob.page.url()).pathname, '/signin', 'page')
  })

  evil.close()

  // The status that a session of this id gets.
  async function as(id) {
    return (await raw(world.base, '/events', { cookie: `placet=${id}` })).status
  }
})

// One request with headers that no browser lets be chosen; the body is not awaited.
function raw(base, path, headers) {
  return new Promise((done, failed) => {
    const sent = httpRequest(base + path, { headers }, (response) => {
      response.destroy()
      done({ status: response.statusCode, headers: response.headers })
    })
    sent.on('error', failed)
    sent.end()
  })
}

// A server that means ill: forms that post by themselves, frames, and pages for scripts.
async function serveEvil() {
  const page = (url) => {
    const value = (name) => (url.searchParams.get(name) ?? '')
      .replace(/&/g, '&amp;').replace(/"/g, '&quot;').replace(/</g, '&lt;')
    switch (url.pathname) {
      case '/form':
        return `<form method=post action="${value('to')}" enctype="${value('type')}">
          <input name="${value('body')}" value='"}'></form>
          <script>document.forms[0].submit()</script>`
      case '/frame':
        return `<iframe src="${value('of')}" allow="publickey-credentials-get *"></iframe>`
      default:
        return '<p>Nothing to see here.'
    }
  }
  const server = createServer((request, response) => {
    response.setHeader('Content-Type', 'text/html; charset=utf-8')
    response.end(page(new URL(request.url, 'http://evil')))
  })
  await new Promise((done) => server.listen(0, done))
  return {
    port: server.address().port,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
