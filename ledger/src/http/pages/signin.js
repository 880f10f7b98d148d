// Signs in with a passkey, and goes on to where the person wanted to go.
import { $, alone, get, post, say } from '/assets/passkey.js'

const form = $('signin')

// A sign-in that is begun is good for five minutes; one minute is left for the passkey.
const FRESH_MS = 240_000
let begun = null

async function begin() {
  const answer = await post('/signin/begin', {})
  begun = { ...answer, at: Date.now() }
}

async function signIn() {
  // Begun beforehand, so that browsers see the click right before the passkey is asked for.
  if (!begun || Date.now() - begun.at > FRESH_MS) await begin()
  say('Waiting for your passkey …')
  const { message, options } = begun
  begun = null
  const credential = await get(options)
  await post('/signin/finish', { message, credential })
  say('Signed in.')
  location.replace(form.dataset.next)
  return true
}

form.addEventListener('submit', (event) => {
  event.preventDefault()
  alone(form.querySelectorAll('button'), signIn)
})

// A link in a chat comes from another site: the browser keeps the cookie back until it asks us
// itself, which is now.
begin().then(
  () => begun.signed_in && !('again' in form.dataset) && location.replace(form.dataset.next),
  (error) => say(`Not done: ${error.message}`),
)
