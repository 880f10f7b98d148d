// Relays between the ledger and navigator.credentials. It decides nothing: challenges come from the
// ledger, and the ledger checks every answer. Every other script of the pages builds on this one.

// The element with this id.
export const $ = (id) => document.getElementById(id)

// Says something in the page's status line, which screen readers read out.
export function say(text) {
  $('status').textContent = text
}

// base64url without padding, to and from bytes.
export function decode(text) {
  const plain = atob(text.replace(/-/g, '+').replace(/_/g, '/'))
  return Uint8Array.from(plain, (c) => c.charCodeAt(0))
}

export function encode(buffer) {
  const plain = Array.from(new Uint8Array(buffer), (b) => String.fromCharCode(b)).join('')
  return btoa(plain).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
}

// Posts JSON and gives what came back; throws an Error with the server's `code` if it refused.
export async function post(path, body) {
  const csrf = document.querySelector('meta[name=csrf]')?.content
  const answer = await fetch(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...(csrf && { 'X-CSRF-Token': csrf }) },
    body: JSON.stringify(body),
    credentials: 'same-origin',
    redirect: 'error',
  })
  // What stands between may answer in its own words.
  const value = await answer.json().catch(() => ({ title: `HTTP ${answer.status}` }))
  if (!answer.ok) {
    const { code } = value
    throw Object.assign(new Error(value.detail ?? value.title), { code, status: answer.status })
  }
  return value
}

const withIds = (list) => list.map((item) => ({ ...item, id: decode(item.id) }))

// navigator.credentials.create() with options in JSON, and its answer in JSON.
export async function create(options) {
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

// navigator.credentials.get() with options in JSON, and its answer in JSON.
export async function get(options, signal) {
  const publicKey = {
    ...options,
    challenge: decode(options.challenge),
    allowCredentials: withIds(options.allowCredentials),
  }
  const { rawId, response } = await navigator.credentials.get({ publicKey, signal })
  return {
    id: encode(rawId),
    response: {
      clientDataJSON: encode(response.clientDataJSON),
      authenticatorData: encode(response.authenticatorData),
      signature: encode(response.signature),
    },
  }
}

function failed(error) {
  // What changes at once takes a passkey that was used a moment ago.
  if (error.code === 'session.stale') {
    location.assign(`/signin?again=1&next=${encodeURIComponent(location.pathname)}`)
    return
  }
  const gone = error.name === 'NotAllowedError'
  const closed = 'Nothing was signed: the passkey dialog was closed or refused.'
  say(gone ? closed : `Not done: ${error.message}`)
}

// Shows what is to be signed, and waits for the click that signs it.
export function agree(text, question) {
  const section = $('sign')
  $('sign-text').textContent = text
  $('sign-question').textContent = question
  section.hidden = false
  // The question first, and neither of its answers.
  $('sign-question').tabIndex = -1
  $('sign-question').focus()
  return new Promise((resolve) => {
    const end = (answer) => () => {
      section.hidden = true
      // Where it is said what comes of it.
      $('status').tabIndex = -1
      $('status').focus()
      resolve(answer)
    }
    $('sign-now').onclick = end(true)
    $('sign-cancel').onclick = end(false)
  })
}

// While something runs, its buttons rest; they stay at rest if it gives true. They keep the focus:
// a button that is disabled would lose it.
export async function alone(buttons, work) {
  const all = [...buttons]
  const rest = (resting) => {
    for (const button of all) button.setAttribute('aria-disabled', String(resting))
  }
  if (all.some((button) => button.getAttribute('aria-disabled') === 'true')) return
  rest(true)
  let done = false
  try {
    done = await work()
  } catch (error) {
    failed(error)
  }
  rest(Boolean(done))
}
