// Every page as people with all sorts of eyes, hands and devices meet it: axe-core's rules of WCAG 2.2
// AA in light and dark, at 1280 and 320 pixels and at 200 % zoom; no mouse; and pictures.
//
//   node a11y.mjs --placet FILE --work DIR [--only pages|keyboard] [--screenshots DIR]
//
// Last line: "a11y: N passed, N failed".
import { parseArgs } from 'node:util'
import { chromium } from 'playwright-core'
import { WAYS, focus, frame, problems, show } from './a11y/checks.mjs'
import { keyboard } from './a11y/keyboard.mjs'
import { pages, unseen } from './a11y/pages.mjs'
import { picture, pictures } from './a11y/pictures.mjs'
import { Stage } from './a11y/stage.mjs'

const { values } = parseArgs({
  options: {
    placet: { type: 'string' },
    work: { type: 'string' },
    only: { type: 'string' },
    screenshots: { type: 'string' },
  },
})
// Persons at their browsers at a time.
const WORKERS = 3
const CHROMIUM = process.env.PLACET_CHROMIUM ?? '/usr/bin/chromium'

let passed = 0
let failed = 0
const best = new Set()

function check(name, found) {
  if (found.length === 0) {
    passed += 1
    return console.log(`ok   ${name}`)
  }
  failed += 1
  console.log(`FAIL ${name}\n     ${found.join('\n     ').slice(0, 2000)}`)
}

async function story(name, work) {
  try {
    await work()
    check(name, [])
  } catch (error) {
    check(name, [String(error.stack ?? error)])
  }
}

const launch = (spki) => chromium.launch({
  executablePath: CHROMIUM,
  args: [
    // The certificate of this run; pages that a browser warns of have no passkeys.
    `--ignore-certificate-errors-spki-list=${spki}`,
    ...(process.getuid() === 0 ? ['--no-sandbox'] : []),
  ],
})

const looked = []
const of = (who) => stage.people[who ?? 'nobody']

// One page in all ways of looking at it.
async function look(person, { name, path, status = 200 }) {
  looked.push({ path })
  person.troubles.length = 0
  const answer = await person.goto(path)
  if (answer.status() !== status) return check(name, [`HTTP ${answer.status()} in place of ${status}`])
  check(`${name}: its frame`, await frame(person))
  for (const way of WAYS) {
    const result = await problems(person, way)
    for (const text of result.best) best.add(text.slice(0, 200))
    check(`${name}: ${way.scheme}, ${way.size}`, result.found)
  }
  await show(person, WAYS[0])
  check(`${name}: by keyboard`, await focus(person))
  check(`${name}: no error, nothing that its policy forbids`, person.troubles)
}

// Several persons at a time, each of them one page after the other.
async function together(all) {
  const whose = new Map(all.map(({ who }) => [who, []]))
  for (const page of all) whose.get(page.who).push(page)
  const queues = [...whose.values()]
  queues.sort((a, b) => b.length - a.length)
  const work = async () => {
    for (let queue = queues.shift(); queue; queue = queues.shift()) {
      for (const page of queue) await look(of(page.who), page)
    }
  }
  await Promise.all(Array.from({ length: WORKERS }, work))
}

const stage = await Stage.set(values.placet, values.work, launch)
try {
  await stage.past((person, page) => (values.screenshots
    ? picture(person, page, values.screenshots)
    : look(person, page)))
  await stage.present()
  await stage.person('nobody')
  const all = await pages(stage)
  if (values.screenshots) {
    await pictures(all, of, values.screenshots)
  } else {
    if (values.only !== 'keyboard') {
      await together(all)
      check('every page was looked at', unseen(looked))
    }
    if (values.only !== 'pages') await keyboard(stage, story)
  }
} catch (error) {
  const where = Object.values(stage.people).map(({ name, page }) => `${name}: ${page.url()}`)
  check('the stage', [String(error.stack), ...where, ...stage.service.said.slice(-5)])
} finally {
  await stage.close()
}
for (const text of best) console.log(`best practice: ${text}`)
console.log(`a11y: ${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 || passed === 0 ? 1 : 0
