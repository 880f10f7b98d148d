// The button that turns notifications of this browser on and off.

import { $, decode, encode, post } from '/assets/passkey.js'

const section = $('push')
if (section && 'serviceWorker' in navigator && 'PushManager' in window) {
  section.hidden = false
  start().catch((error) => tell(error.message))
}

async function start() {
  const worker = await navigator.serviceWorker.register('/push-sw.js', { scope: '/' })
  const subscription = await worker.pushManager.getSubscription()
  show(subscription !== null)
  $('push-button').addEventListener('click', () => toggle(worker))
}

async function toggle(worker) {
  const button = $('push-button')
  button.disabled = true
  try {
    const subscription = await worker.pushManager.getSubscription()
    await (subscription ? off(subscription) : on(worker))
  } catch (error) {
    tell(error.message)
  } finally {
    button.disabled = false
  }
}

async function on(worker) {
  const permission = await Notification.requestPermission()
  if (permission !== 'granted') {
    tell('This browser does not allow notifications of this site; its settings change that.')
    return
  }
  const answer = await fetch('/push/key', { credentials: 'same-origin', redirect: 'error' })
  const { key, detail } = await answer.json()
  if (!answer.ok) throw new Error(detail)
  let subscription
  try {
    subscription = await worker.pushManager.subscribe({
      userVisibleOnly: true,
      applicationServerKey: decode(key),
    })
  } catch (error) {
    // What browsers say is for programmers.
    const why = 'its maker’s push service did not answer, or it is turned off here'
    tell(`This browser can’t get messages now: ${why}. Nothing was changed. (${error.name})`)
    return
  }
  try {
    await post('/push/subscribe', {
      endpoint: subscription.endpoint,
      p256dh: encode(subscription.getKey('p256dh')),
      auth: encode(subscription.getKey('auth')),
    })
  } catch (error) {
    // What the service did not take must not look as if it were on.
    await subscription.unsubscribe()
    throw error
  }
  show(true)
  tell('Notifications are on.')
}

async function off(subscription) {
  await post('/push/unsubscribe', { endpoint: subscription.endpoint })
  await subscription.unsubscribe()
  show(false)
  tell('Notifications are off.')
}

function show(isOn) {
  const button = $('push-button')
  button.setAttribute('aria-pressed', String(isOn))
  button.textContent = isOn ? 'Turn notifications off' : 'Turn notifications on'
}

function tell(text) {
  $('push-status').textContent = text
}
