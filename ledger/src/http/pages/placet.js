// Relays between the ledger and navigator.credentials. It decides nothing: challenges come from the
// ledger, and the ledger checks every answer.
'use strict'

const $ = (id) => document.getElementById(id)

function say(text) {
  $('status').textContent = text
}

// base64url without padding, to and from bytes.
function decode(text) {
  const plain = atob(text.replace(/-/g, '+').replace(/_/g, '/'))
  return Uint8Array.from(plain, (c) => c.charCodeAt(0))
}

function encode(buffer) {
  const plain = Array.from(new Uint8Array(buffer), (b) => String.fromCharCode(b)).join('')
  return btoa(plain).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
}

async function post(path, body) {
  const answer = await fetch(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
    credentials: 'omit',
    redirect: 'error',
  })
  const value = await answer.json()
  if (!answer.ok) throw new Error(value.detail ?? value.title)
  return value
}

const withIds = (list) => list.map((item) => ({ ...item, id: decode(item.id) }))

async function create(options) {
  const publicKey = {
    ...options,
    challenge: decode(options.challenge),
    user: { ...options.user, id: decode(options.user.id) },
    excludeCredentials: withIds(options.excludeCredentials),
  }
  const { rawId, response } = await navigator.credentials.create({ publicKey })
  return {
    id: encode(rawId),
    response: {
      clientDataJSON: encode(response.clientDataJSON),
      attestationObject: encode(response.attestationObject),
    },
  }
}

async function get(options) {
  const publicKey = {
    ...options,
    challenge: decode(options.challenge),
    allowCredentials: withIds(options.allowCredentials),
  }
  const { rawId, response } = await navigator.credentials.get({ publicKey })
  return {
    id: encode(rawId),
    response: {
      clientDataJSON: encode(response.clientDataJSON),
      authenticatorData: encode(response.authenticatorData),
      signature: encode(response.signature),
    },
  }
}

// Which passkey somebody has; only its id is used.
async function whoever() {
  return (await get(await post('/signin', {}))).id
}

async function enrol(form) {
  const fields = new FormData(form)
  const begin = { name: fields.get('name') }
  if (fields.has('code')) {
    begin.code = fields.get('code')
  } else {
    say('First the administrator’s passkey …')
    begin.authoriser = await whoever()
    begin.roles = ['administrator', 'approver'].filter((role) => fields.has(role))
  }
  const { registration, options } = await post('/enrol/begin', begin)
  say('Make the passkey …')
  const credential = await create(options)
  const { possess, authorise } = await post('/enrol/register', { registration, credential })
  const sign = async (namespace, wanted) =>
    post('/enrol/sign', { registration, namespace, credential: await get(wanted) })
  say('Once more, to show that it works …')
  let result = await sign('placet-enrol-possess-v1', possess)
  if (authorise) {
    say('Now the administrator’s passkey …')
    result = await sign('placet-enrol-authorise-v1', authorise)
  }
  if (result.status !== 'enrolled') throw new Error('a signature is still missing')
  const late = result.note_missing ? ' No witness has confirmed it yet: it counts later.' : ''
  say(`Enrolled, as entry ${result.index} of the governance log.${late}`)
  form.hidden = true
}

async function answer(section, denial) {
  let prepared = section.dataset.prepared ? JSON.parse(section.dataset.prepared) : null
  if (!prepared) {
    say('First your passkey, to know whose answer to prepare …')
    const here = new URL(location.href)
    here.searchParams.set('as', await whoever())
    location.replace(here)
    return
  }
  const base = `/approve/${section.dataset.request}`
  if (denial) {
    const credential = prepared.options.allowCredentials[0].id
    const reason = $('reason').value
    prepared = await post(`${base}/open`, { credential, denial, ...(reason && { reason }) })
    $('text').textContent = prepared.text
  }
  say('Waiting for your passkey …')
  const credential = await get(prepared.options)
  const result = await post(`${base}/answer`, { document: prepared.document, credential })
  const said = denial ? 'Denied' : 'Approved'
  const more = result.complete ? '' : ' Others have to answer too.'
  say(`${said}. Receipt ${result.entry}, entry ${result.index} of the log.${more}`)
  $('evidence').href = result.evidence
  $('after').hidden = false
  return true
}

function failed(error) {
  const gone = error.name === 'NotAllowedError'
  say(gone ? 'Nothing was signed: the passkey dialog was closed or refused.' : `Not done: ${error.message}`)
}

// While something runs, its buttons rest.
async function alone(buttons, work) {
  for (const button of buttons) button.disabled = true
  let done = false
  try {
    done = await work()
  } catch (error) {
    failed(error)
  }
  for (const button of buttons) button.disabled = Boolean(done)
}

const form = $('enrol')
form?.addEventListener('submit', (event) => {
  event.preventDefault()
  alone(form.querySelectorAll('button'), () => enrol(form))
})

const section = $('answer')
if (section) {
  const buttons = [$('approve'), $('deny')]
  $('approve').addEventListener('click', () => alone(buttons, () => answer(section, false)))
  $('deny').addEventListener('click', () => alone(buttons, () => answer(section, true)))
}
