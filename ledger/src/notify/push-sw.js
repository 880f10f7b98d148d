// Shows what the service tells and leads to it. It keeps nothing and fetches nothing.

self.addEventListener('install', () => self.skipWaiting())
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()))

self.addEventListener('push', (event) => {
  event.waitUntil(show(event.data))
})

self.addEventListener('notificationclick', (event) => {
  event.notification.close()
  event.waitUntil(look(event.notification.data?.link))
})

// Browsers demand that every message is shown, even one that can't be read.
function show(data) {
  let message = {}
  try {
    message = data.json()
  } catch {
    // Nothing but the title below is known then.
  }
  const lines = [message.body, message.deadline && `until ${message.deadline}`]
  return self.registration.showNotification(message.title ?? 'Somebody waits for you', {
    body: lines.filter(Boolean).join('\n'),
    tag: message.tag,
    data: { link: message.link },
  })
}

// Only pages of this service, whatever the message says.
async function look(link) {
  const url = new URL(link ?? '/approve', self.location.origin)
  if (url.origin !== self.location.origin) return
  for (const client of await self.clients.matchAll({ type: 'window' })) {
    if (client.url === url.href) return client.focus()
  }
  return self.clients.openWindow(url.href)
}
