// Every page in every state that it has, and who looks at it.
import { readFileSync } from 'node:fs'

const SOURCES = new URL('../../../ledger/src/http/', import.meta.url)

// [name, who, path, HTTP status], who being nobody or somebody of the stage.
export async function pages(stage) {
  const { requests, links } = stage
  const alice = 'Alice Abel'
  const bob = 'Bob Brandt'
  const cara = 'Cara Conti'
  const dora = 'Dora Dahl'
  const person = await idOf(stage.people[alice], bob)
  const leaf = await leafOf(stage.people[bob], requests.done)
  const gone = '00000000-0000-4000-8000-000000000000'
  return [
    ['log', null, '/'],
    ['specification', null, '/spec'],
    ['sign-in', null, '/signin'],
    ['enrol', null, '/enrol'],
    ['invitation', null, links.open],
    ['invitation, waiting', 'Fred Frei', links.waiting],
    ['invitation, used', bob, links[bob]],
    ['invitation, of somebody else', bob, links.open, 403],
    ['invitation, taken back', null, links.cancelled, 410],
    ['invitation, unknown', null, `/invite/${'A'.repeat(43)}`, 404],
    ['recovery, announced', 'Cara again', links.recovery],
    ['queue', bob, '/approve'],
    ['request', bob, `/approve/${requests.fresh}`],
    ['request, two persons', bob, `/approve/${requests.half}`],
    ['request, answered by me', cara, `/approve/${requests.half}`],
    ['request, long', bob, `/approve/${requests.long}`],
    ['request, hostile', bob, `/approve/${requests.hostile}`],
    ['request, my own', bob, `/approve/${requests.own}`],
    ['request, not an approver', alice, `/approve/${requests.fresh}`],
    ['request, approved', bob, `/approve/${requests.approved}`],
    ['request, done', bob, `/approve/${requests.done}`],
    ['request, denied', bob, `/approve/${requests.denied}`],
    ['request, expired', bob, `/approve/${requests.expired}`],
    ['request, withdrawn', bob, `/approve/${requests.cancelled}`],
    ['request, erased', bob, `/approve/${requests.erased}`, 410],
    ['request, unknown', bob, `/approve/${gone}`, 404],
    ['history', dora, '/history'],
    ['history, filtered', bob, '/history?state=denied&mine=1'],
    ['history, malformed', bob, '/history?from=yesterday', 400],
    ['receipt, done', dora, `/receipt/request/${requests.done}`],
    ['receipt, denied', bob, `/receipt/request/${requests.denied}`],
    ['receipt, expired', bob, `/receipt/request/${requests.expired}`],
    ['receipt, hostile', bob, `/receipt/request/${requests.hostile}`],
    ['receipt, unknown', bob, `/receipt/request/${gone}`, 404],
    ['leaf', dora, '/receipt/main/2'],
    ['leaf, governance', dora, '/receipt/gov/3'],
    ['leaf, unknown', dora, '/receipt/main/99999', 404],
    ['receipt, erased', dora, `/receipt/request/${requests.erased}`],
    ['leaf, erased', dora, `/receipt/main/${stage.erasedLeaf}`],
    ['erasure', alice, `/erase/${leaf}`],
    ['people', alice, '/people'],
    ['people, read only', dora, '/people'],
    ['person', alice, `/people/${person}`],
    ['person, unknown', alice, `/people/${gone}`, 404],
    ['policy', alice, '/policy'],
    ['policy, read only', dora, '/policy'],
    ['sign-in, again', bob, '/signin?again=1&next=/people/me'],
    ['policy', alice, '/policy'],
    ['policy, read only', dora, '/policy'],
    ['my passkeys', bob, '/people/me'],
    ['my passkeys, operator', 'Emil Ek', '/people/me'],
    ['forbidden', 'Emil Ek', '/history', 403],
    ['nothing here', bob, '/nowhere', 404],
  ].map(([name, who, path, status = 200]) => ({ name, who, path, status }))
}

// Routes that answer with something else than a page.
const NO_PAGES = [/^\/assets\//, /\/keys\/\{file\}$/, /\/state$/, /\.svg$/, /^\/events$/, /^\/push/]

// Routes of pages at which nobody has looked.
export function unseen(looked) {
  const source = readFileSync(new URL('pages/mod.rs', SOURCES), 'utf8')
  const routes = [...source.matchAll(/\.route\(\s*"([^"]+)",\s*get\(/g)].map(([, route]) => route)
  const rules = readFileSync(new URL('rules.rs', SOURCES), 'utf8')
  const starts = [...rules.matchAll(/\("([^"]+)", Rule::Pages/g)].map(([, start]) => start)
  const paths = looked.map(({ path }) => path.replace(/^https?:\/\/[^/]+/, '').replace(/\?.*/, ''))
  const fits = (route) => {
    const pattern = new RegExp(`^${route.replace(/\{[^}]+\}/g, '[^/]+')}$`)
    return paths.some((path) => pattern.test(path))
  }
  const missing = routes.filter((route) => !NO_PAGES.some((no) => no.test(route)) && !fits(route))
  return [...missing, ...starts.filter((start) => !paths.some((path) => path.startsWith(start)))]
}

async function idOf(administrator, name) {
  await administrator.goto('/people')
  const href = await administrator.page.getByRole('link', { name }).getAttribute('href')
  return href.split('/').at(-1)
}

// Where the answer of a person to a request stands.
async function leafOf({ page }, request) {
  return page.evaluate(async (id) => (await (await fetch(`/approve/${id}/state`)).json()).index, request)
}
