// People: the first passkey, invitations, further passkeys, and what administrators sign.
import { $, agree, alone, create, get, post, say } from './passkey.js'

const POLL_MS = 3000

// Credential ids of the passkeys that this browser made last. Their words are shown here and not in
// a browser that only has the link.
const MADE = 'placet-made'
const MADE_MAX = 16
const made = () => JSON.parse(localStorage.getItem(MADE) ?? '[]')
const madeHere = (id) => made().includes(id)

// What was registered and has not signed yet: if its signature fails it is asked for again.
let unsigned = null

// Makes a passkey; gives what it has to sign.
async function register({ registration, options }) {
  say('Make the passkey …')
  const credential = await create(options)
  localStorage.setItem(MADE, JSON.stringify([...made(), credential.id].slice(-MADE_MAX)))
  const wanted = await post('/enrol/register', { registration, credential })
  unsigned = { registration, wanted }
}

// Makes a passkey, unless there is one already, and shows that it works. Gives what the ledger says
// then.
async function join(begin, own = false) {
  if (!unsigned) await register(await begin())
  try {
    return await prove(unsigned.registration, unsigned.wanted, own)
  } catch (error) {
    // What the ledger refuses begins anew. What the passkey refused is asked for again, and what
    // the ledger was too busy for.
    if (error.status < 500 && error.status !== 429) unsigned = null
    throw error
  }
}

// One more touch of the new passkey, and of the first one where that is asked for here.
async function prove(registration, { namespace, possess, authorise }, own = false) {
  const sign = async (name, wanted) =>
    post('/enrol/sign', { registration, namespace: name, credential: await get(wanted) })
  let done = unsigned?.possessed
  if (!done) {
    say('Once more, to show that it works …')
    done = await sign(namespace, possess)
    if (unsigned) unsigned.possessed = done
  }
  if (!own || done.status !== 'waiting') return done
  say('Now the passkey that you had before, to let the new one in …')
  return sign('placet-enrol-authorise-v1', authorise)
}

const covered = (done) =>
  done.note_missing ? ' No witness has confirmed it yet: it counts later.' : ''

async function first(form) {
  const fields = new FormData(form)
  const who = { name: fields.get('name'), code: fields.get('code') }
  const done = await join(() => post('/enrol/begin', who))
  if (done.status !== 'enrolled') throw new Error('a signature is still missing')
  say(`Enrolled, as entry ${done.index} of the governance log.${covered(done)}`)
  form.hidden = true
  $('next').hidden = false
}

// The page behind a link follows the invitation from state to state.
async function invited(section) {
  const { token, state, credential } = section.dataset
  const base = `/invite/${token}`
  // A passkey of another browser can't sign here: this one makes its own.
  if (state === 'open' || (state === 'sign' && !madeHere(credential))) {
    await join(() => post(`${base}/begin`, {}))
  } else if (state === 'sign') {
    const now = await (await fetch(`${base}/state`)).json()
    await prove(now.registration, now)
  } else if (state === 'announced') {
    const { registration, ...rest } = await post(`${base}/complete`, {})
    await prove(registration, rest)
  }
  location.reload()
  return true
}

// While others have to do something, the page looks whether they did.
async function follow(section) {
  const { token, state, early } = section.dataset
  const answer = await fetch(`/invite/${token}/state`).catch(() => null)
  const now = answer?.ok && (await answer.json())
  if (now && (now.state !== state || Boolean(now.early) !== (early !== undefined))) {
    return location.reload()
  }
  setTimeout(() => follow(section), POLL_MS)
}

async function second() {
  const done = await join(() => post('/people/me/begin', {}), true)
  if (done.status !== 'enrolled') throw new Error('a signature is still missing')
  say(`Your new passkey is enrolled, as entry ${done.index} of the governance log.${covered(done)}`)
  document.querySelector('[data-testid=second-wanted]')?.remove()
  return true
}

async function change(wanted) {
  let prepared
  try {
    prepared = await post('/people/me/change/open', wanted)
  } catch (error) {
    if (error.code !== 'people.last_administrator') throw error
    if (!(await agree('', `${error.message} Go on?`))) return
    prepared = await post('/people/me/change/open', { ...wanted, confirm: true })
  }
  if (!(await agree(prepared.text, 'Sign this with your passkey?'))) return
  say('Waiting for your passkey …')
  const credential = await get(prepared.options)
  const done = await post('/people/me/change/sign', { document: prepared.document, credential })
  say(`Recorded, as entry ${done.index} of the governance log.${covered(done)}`)
  return true
}

async function authorise(id) {
  const { text, options } = await post('/people/enrolments/open', { id })
  if (!(await agree(text, 'Did the person say these six words to you by another way?'))) return
  say('Waiting for your passkey …')
  const done = await post('/people/enrolments/sign', { id, credential: await get(options) })
  say(`Enrolled, as entry ${done.index} of the governance log.${covered(done)}`)
  return true
}

async function simple(path, body, said) {
  await post(path, body)
  say(said)
  location.reload()
  return true
}

const checked = (form, name) =>
  [...form.querySelectorAll(`input[name=${name}]:checked`)].map((box) => box.value)
const lines = (text) => (text ?? '').split(/[\n,]/).map((s) => s.trim()).filter(Boolean)

const forms = {
  enrol: first,
  async invite(form) {
    const fields = new FormData(form)
    const person = fields.get('person')
    const made = await post('/people/invite', {
      ...(person ? { person } : { name: fields.get('name') }),
      roles: checked(form, 'role'),
      identities: lines(fields.get('identities')),
    })
    $('link').textContent = made.url
    $('link-for').hidden = false
    say(`The link is valid until ${made.expires}. It is shown only now.`)
  },
  roles: (form) =>
    change({ act: 'role', person: form.dataset.person, roles: checked(form, 'role') }),
  revoke(form) {
    const fields = new FormData(form)
    const from = fields.get('effective_from')
    return change({
      act: 'revoke',
      key: form.dataset.key,
      reason: fields.get('reason'),
      ...(from && { effective_from: `${from}:00Z` }),
    })
  },
  identities: (form) =>
    simple('/people/identities', {
      person: form.dataset.person,
      identities: lines(new FormData(form).get('identities')),
    }, 'Kept.'),
}

const acts = {
  begin: (button) => invited(button.closest('[data-token]')),
  second,
  authorise: ({ dataset }) => authorise(dataset.id),
  'take-over': ({ dataset }) =>
    simple('/people/enrolments/take-over', { id: dataset.id }, 'The new person has to sign again.'),
  reject: ({ dataset }) => simple('/people/enrolments/reject', { id: dataset.id }, 'Refused.'),
  cancel: ({ dataset }) => simple('/people/invite/cancel', { id: dataset.id }, 'Taken back.'),
  object: ({ dataset }) => change({ act: 'revoke', key: dataset.key, reason: 'objection' }),
  async erase({ dataset }) {
    if (!(await agree('', 'Erase the name and all identities of this person for ever?'))) return
    return simple('/people/erase-name', { person: dataset.person }, 'Erased.')
  },
}

for (const form of document.querySelectorAll('form[data-form]')) {
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    alone(form.querySelectorAll('button'), () => forms[form.dataset.form](form))
  })
}
for (const button of document.querySelectorAll('button[data-act]')) {
  button.addEventListener('click', () => alone([button], () => acts[button.dataset.act](button)))
}
const joining = document.querySelector('[data-credential]')
if (joining && madeHere(joining.dataset.credential)) {
  $('made-here').hidden = false
  $('made-elsewhere').remove()
}
const follows = document.querySelector('[data-token][data-follow]')
if (follows) setTimeout(() => follow(follows), POLL_MS)
