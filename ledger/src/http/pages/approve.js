// Answering a request: read it, decide, sign. The script decides nothing: the ledger made the
// document, the passkey signs it, the ledger checks it.
import { $, get, post, say } from './passkey.js'
import { listen } from './events.js'
import { secondsLeft } from './frame.js'

// The ledger keeps a document for ten minutes; an older one is replaced before it is used.
const FRESH_MS = 8 * 60_000
const RETRY_MS = 3000
// Seconds left at which it is said aloud.
const WARN_AT = [300, 60]

const section = $('answer')
const base = `/approve/${section.dataset.request}`
const credentialId = (document) => document.options.allowCredentials[0].id
// The approval as the page shows it, ready to be signed.
let approval = section.dataset.prepared ? JSON.parse(section.dataset.prepared) : null
let preparedAt = performance.now()
let busy = false
let over = !approval
let ceremony = null

// --- Reading: Approve wakes when every part of the action has been on the screen.

const unseen = new Set(document.querySelectorAll('#action .part'))

function watchReading() {
  const observer = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (isIntersecting) {
        unseen.delete(target.parentElement)
        target.parentElement.classList.remove('next')
        observer.unobserve(target)
      }
    }
    showReading()
  })
  // The mark at the end of a part: seen when the part was seen to its end.
  for (const part of unseen) observer.observe(part.querySelector('i'))
  showReading()
}

function showReading() {
  const left = unseen.size
  $('approve').setAttribute('aria-disabled', String(left > 0 || over))
  const was = !$('gate').hidden
  // The button that brings the next part goes with the last one; nobody is put on an answer by that.
  if (left === 0 && $('gate').contains(document.activeElement)) {
    $('status').tabIndex = -1
    $('status').focus({ preventScroll: true })
  }
  $('gate').hidden = left === 0
  $('unread').textContent = unread(left)
  if (was && left === 0 && !over) say('You have been through the whole action. Approve is awake.')
}

function unread(left) {
  if (left === 0) return ''
  const parts = left === 1 ? 'One part of the action has' : `${left} parts of the action have`
  return `${parts} not been on the screen yet. Approve wakes when you have seen all of it.`
}

function showNext() {
  const [part] = unseen
  if (!part) return
  part.tabIndex = -1
  part.classList.add('next')
  part.scrollIntoView({ block: 'center', behavior: 'instant' })
  part.focus({ preventScroll: true })
}

// --- Answering

async function answer(denial) {
  if (busy || over) return
  if (!denial && unseen.size) return say($('unread').textContent)
  if (navigator.onLine === false) return say('This device is offline. Nothing was signed.')
  busy = true
  rest(true)
  try {
    await sign(denial)
  } catch (error) {
    failed(error)
  }
  busy = false
  rest(over)
}

async function sign(denial) {
  const toSign = denial ? await open({ denial, reason: $('reason').value.trim() }) : await fresh()
  $('text').textContent = toSign.text
  $('document').textContent = toSign.document
  say('Waiting for your passkey …')
  ceremony = new AbortController()
  const credential = await get(toSign.options, ceremony.signal)
  ceremony = null
  say('Recording …')
  recorded(await record({ document: toSign.document, credential }))
}

const open = (how) => post(`${base}/open`, { credential: credentialId(approval), ...how })

async function fresh() {
  if (performance.now() - preparedAt > FRESH_MS) {
    approval = await open({ denial: false })
    preparedAt = performance.now()
  }
  return approval
}

// Sends the answer. If the connection breaks it may have arrived or not: then the ledger is asked
// until it says which.
async function record(body) {
  try {
    return await post(`${base}/answer`, body)
  } catch (error) {
    if (error.code && error.status < 500) throw error
  }
  for (;;) {
    say('The connection broke while your answer was sent. Asking the ledger whether it arrived …')
    // It may still be on its way to be recorded.
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    try {
      const answer = await fetch(`${base}/state`)
      if (answer.ok) {
        const state = await answer.json()
        if (state.status) return state
        throw Object.assign(new Error(LOST), { code: 'lost' })
      }
      if (answer.status === 401 || answer.status === 403) {
        throw Object.assign(new Error('your sign-in has ended'), { code: 'http.unauthorized' })
      }
    } catch (error) {
      if (error.code) throw error
    }
  }
}

function recorded(result) {
  over = true
  const said = result.status === 'denial' ? 'Denied' : 'Approved'
  const more = result.complete ? '' : ' Others must approve too.'
  say(`${said}. Receipt ${result.entry.slice(0, 16)}…, leaf ${result.index}.${more}`)
  $('entry').textContent = result.entry
  $('leaf').textContent = result.index
  if (result.evidence) $('evidence').href = result.evidence
  $('after').hidden = false
}

// --- What can go wrong, as sentences that say what to do

const LOST = 'your answer did not arrive; nothing was recorded, and you can answer again'
const WHERE = 'See where it stands'
const ENDED = {
  'answer.repeated': 'You have answered this already, in another window or on another device.',
  'request.ended': 'The request ended while you were reading.',
  'request.state': 'The request was answered, withdrawn or ran out of time meanwhile.',
  'request.expired': 'The time of this request is over. The agent has to ask again.',
  'request.policy_changed': 'Another policy came into force. The agent has to ask again.',
  'person.not_authorised': 'Your passkey may not answer any more: ask an administrator.',
  'person.unknown': 'This passkey is not enrolled here.',
}

function failed(error) {
  ceremony = null
  const { code, name } = error
  if (name === 'AbortError') return
  if (name === 'NotAllowedError') {
    const why = 'the passkey dialog was closed, refused you, or ran out of time'
    return say(`Nothing was signed: ${why}. You can try again.`)
  }
  if (name === 'SecurityError') {
    return say('Nothing was signed: your passkey belongs to another address than this page’s.')
  }
  if (name === 'TypeError') {
    return say('The ledger can’t be reached. Nothing was signed; try again.')
  }
  if (code in ENDED) return end(`${ENDED[code]} Nothing new was recorded.`)
  if (code === 'answer.document_unknown') {
    preparedAt = -2 * FRESH_MS
    const again = 'press again, and a fresh document is made'
    return say(`This page was open for too long. Nothing was recorded; ${again}.`)
  }
  if (error.status === 401 || code === 'http.unauthorized' || code === 'http.csrf') {
    const next = encodeURIComponent(location.pathname)
    const said = 'Your sign-in has ended. Nothing was recorded.'
    return end(said, 'Sign in again', `/signin?next=${next}`)
  }
  say(`Not done: ${error.message}.`)
}

// Nothing more can be done here; a link says where it goes on.
function end(text, label = WHERE, href = location.pathname) {
  over = true
  ceremony?.abort()
  say(`${text} `)
  const link = Object.assign(document.createElement('a'), { href, textContent: label })
  $('status').append(link)
}

// Buttons that rest can be focused and say so; they do nothing.
function rest(all) {
  $('deny').setAttribute('aria-disabled', String(all))
  $('approve').setAttribute('aria-disabled', String(all || unseen.size > 0))
}

// --- What happens meanwhile

const time = document.querySelector('time[data-remaining]')
let warned = Infinity

function watchTime() {
  if (over || !time) return
  const left = secondsLeft(time)
  if (left <= 0) {
    if (!busy) end(ENDED['request.expired'])
    rest(true)
    return
  }
  const step = WARN_AT.filter((at) => left <= at).at(-1)
  if (step !== undefined && step < warned) {
    warned = step
    $('time').textContent = step === 60 ? 'One minute is left to answer.' : 'Five minutes are left.'
  }
}

let looking = false

async function look({ request, state } = {}) {
  if (over || busy && !ceremony || looking) return
  if (request && request !== section.dataset.request || state === 'open') return
  looking = true
  try {
    const answer = await fetch(`${base}/state`)
    const now = answer.ok ? await answer.json() : { state: 'open' }
    if (over || busy && !ceremony) return
    if (now.status) end(ENDED['answer.repeated'])
    else if (now.state !== 'open') end(`The request is ${now.state} now.`)
    if (over) rest(true)
  } catch {
    // No connection: the next look may have one.
  } finally {
    looking = false
  }
}

if (approval) {
  watchReading()
  $('next').addEventListener('click', showNext)
  $('approve').addEventListener('click', () => answer(false))
  $('deny').addEventListener('click', () => answer(true))
  watchTime()
  setInterval(watchTime, 5000)
  listen(look)
}
