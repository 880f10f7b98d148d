// What is checked of a page in each way of looking at it.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']

// 200 % zoom of a window of 1280 CSS pixels is a window of 640 with twice the pixels.
const SIZES = [
  { size: '1280', width: 1280, height: 800, deviceScaleFactor: 1 },
  { size: '320', width: 320, height: 640, deviceScaleFactor: 1 },
  { size: '200 %', width: 640, height: 400, deviceScaleFactor: 2 },
]
export const WAYS = ['light', 'dark'].flatMap((scheme) => SIZES.map((size) => ({ scheme, ...size })))

export async function show(person, { scheme, width, height, deviceScaleFactor }) {
  await person.page.emulateMedia({ colorScheme: scheme })
  await person.cdp.send('Emulation.setDeviceMetricsOverride', {
    width, height, deviceScaleFactor, mobile: false,
  })
}

// Problems of the page that is open: texts, none if all is well. `best` are axe's best practices,
// which are told and fail nothing.
export async function problems(person, way) {
  await show(person, way)
  const axe = await runAxe(person.page, way === WAYS[0])
  return {
    found: [...axe.violations, ...await person.page.evaluate(layout)],
    best: axe.best,
  }
}

async function runAxe(page, best) {
  // By the debugger: the policy of the page lets no other script in.
  if (!await page.evaluate(() => 'axe' in window)) await page.evaluate(AXE)
  const result = await page.evaluate(
    (tags) => window.axe.run(document, {
      runOnly: tags,
      resultTypes: ['violations'],
      preload: false,
    }),
    best ? [...TAGS, 'best-practice'] : TAGS,
  )
  const texts = result.violations.map((rule) => {
    const where = rule.nodes.slice(0, 3).map((node) => `${node.target} (${node.failureSummary})`)
    return { ...rule, text: `axe ${rule.id}: ${where.join('; ').replace(/\s+/g, ' ')}` }
  })
  const must = ({ tags }) => tags.some((tag) => TAGS.includes(tag))
  return {
    violations: texts.filter(must).map(({ text }) => text),
    best: texts.filter((rule) => !must(rule)).map(({ text }) => text),
  }
}

// What axe does not see: pages that scroll sideways, targets that are too small.
function layout() {
  const found = []
  const root = document.scrollingElement
  if (root.scrollWidth > root.clientWidth) {
    const edge = root.clientWidth + 1
    const wide = [...document.body.querySelectorAll('*')]
      .filter((e) => e.getBoundingClientRect().right > edge && !e.closest('.scroll, .hidden-text'))
    found.push(`scrolls sideways: ${wide.slice(0, 3).map((e) => e.outerHTML.slice(0, 80)).join(' | ')}`)
  }
  for (const target of document.querySelectorAll('a[href], button, input, select, summary')) {
    const box = target.getBoundingClientRect()
    const seen = box.width > 0 && box.height > 0 && target.checkVisibility({ visibilityProperty: true })
    // Links in running text and the skip link, which comes with the focus, are exempt; a box that
    // its label makes larger is as large as that.
    if (!seen || target.matches('.skip, p a, dd a, li a, td a, pre a, .small a, label input')) continue
    if (box.width < 24 || box.height < 24) {
      found.push(`target of ${Math.round(box.width)}×${Math.round(box.height)}: ${target.outerHTML.slice(0, 90)}`)
    }
  }
  return found
}

// The frame that every page has.
export async function frame(person) {
  return person.page.evaluate(() => {
    const found = []
    const want = (what, is) => is || found.push(what)
    want('a language', document.documentElement.lang === 'en')
    want('a title', document.title.endsWith('– Placet') && document.title.length > 9)
    want('one h1', document.querySelectorAll('h1').length === 1)
    want('one main', document.querySelectorAll('main').length === 1)
    const levels = [...document.querySelectorAll('h1, h2, h3, h4')].map((h) => Number(h.tagName[1]))
    want('headings in order', levels.every((level, i) => i === 0 || level <= levels[i - 1] + 1))
    const first = document.querySelector('a, button, input')
    want('a skip link first', first?.matches('.skip') && document.querySelector(first.hash))
    want('a name for each button', [...document.querySelectorAll('button')].every((b) => b.textContent.trim()))
    return found
  })
}

// Tabs through the page to its end: the focus is always on something that is seen and outlined, and
// comes to everything that can be used.
export async function focus({ page }) {
  const most = await page.evaluate(() => {
    window.focused = new Set()
    document.activeElement?.blur()
    return 10 + 5 * document.querySelectorAll('a, button, input, select, summary, [tabindex]').length
  })
  const found = []
  for (let i = 0; i < most; i += 1) {
    await page.keyboard.press('Tab')
    const problem = await page.evaluate(() => {
      const at = document.activeElement
      if (at === document.body) return 'the end'
      window.focused.add(at)
      const { outlineStyle, outlineWidth } = getComputedStyle(at)
      const box = at.getBoundingClientRect()
      const name = at.outerHTML.slice(0, 80)
      // The parts of a field for a date have the browser's own marks.
      const bare = outlineStyle === 'none' || parseFloat(outlineWidth) < 2
      if (bare && !at.matches('[type^=date]')) return `no outline: ${name}`
      const { innerHeight, innerWidth } = window
      const seen = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth
      return seen ? null : `focused out of sight: ${name}`
    })
    if (problem === 'the end') break
    if (problem) found.push(problem)
  }
  const missed = await page.evaluate(() => [
    ...document.querySelectorAll('a[href], button, input, select, summary, [tabindex="0"]'),
  ].filter((e) => e.checkVisibility({ visibilityProperty: true }) && !e.disabled)
    .filter((e) => e.type !== 'hidden' && !window.focused.has(e)).map((e) => e.outerHTML.slice(0, 80)))
  return [...new Set(found), ...missed.map((name) => `the keyboard does not reach ${name}`)]
}
