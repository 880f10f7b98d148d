// Keeps the queue current: the server renders it, this puts it in place.
import { listen } from './events.js'
import { updateTimes } from './frame.js'

const DELAY_MS = 250
// Many people look at the same queue: they must not all ask at the same moment.
const SPREAD_MS = 750

const $ = (id) => document.getElementById(id)
let waiting = null
let running = false

// Where a request comes when it comes into the queue or leaves it, or when one of several persons
// has approved; what becomes of it afterwards is not shown here.
const SHOWN = ['open', 'approved', 'denied', 'expired', 'cancelled']

function hear({ state }) {
  if (state === undefined || SHOWN.includes(state)) soon()
}

function soon() {
  waiting ??= setTimeout(refresh, DELAY_MS + Math.random() * SPREAD_MS)
}

async function refresh() {
  if (running) {
    waiting = null
    return soon()
  }
  running = true
  waiting = null
  try {
    const answer = await fetch(location.href, { redirect: 'manual' })
    // The sign-in has ended: the page that says so is the one to be seen.
    if (answer.type === 'opaqueredirect' || answer.status === 403) return location.reload()
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`)
    show(new DOMParser().parseFromString(await answer.text(), 'text/html'))
    $('live').hidden = true
  } catch {
    $('live').textContent = 'The ledger can’t be reached; what you see may be out of date.'
    $('live').hidden = false
  } finally {
    running = false
  }
}

function show(page) {
  const focused = place(document.activeElement)
  const opened = [...document.querySelectorAll('#queue details[open]')].map(groupOf)
  document.title = page.title
  $('queue').replaceWith(document.adoptNode(page.getElementById('queue')))
  for (const details of document.querySelectorAll('#queue details')) {
    details.open = opened.includes(groupOf(details))
  }
  // A status that says the same again is not read out.
  const waits = page.getElementById('waits')
  if (waits.textContent !== $('waits').textContent) $('waits').textContent = waits.textContent
  $('waits').dataset.count = waits.dataset.count
  badge(Number(waits.dataset.count))
  updateTimes()
  if (focused) focusAgain(focused)
}

const inQueue = () => [...document.querySelectorAll('#queue a, #queue summary')]
const nameOf = (element) => element.id || groupOf(element)

// Which element of the queue this is, by its name, and at which place it stands.
function place(element) {
  const at = inQueue().indexOf(element)
  return at < 0 ? null : { at, tag: element.tagName, name: nameOf(element) }
}

// The same element again, or what stands in its place now.
function focusAgain({ at, tag, name }) {
  const all = inQueue()
  const same = all.find((element) => element.tagName === tag && nameOf(element) === name)
  const next = same ?? all[Math.min(at, all.length - 1)] ?? $('main')
  next.focus({ preventScroll: true })
}

const groupOf = (inside) => inside.closest('#queue > li').querySelector('.what').id

function badge(count) {
  const set = count ? navigator.setAppBadge?.(count) : navigator.clearAppBadge?.()
  set?.catch(() => {})
}

listen(hear)
badge(Number($('waits').dataset.count))
