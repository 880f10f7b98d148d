// Tells a page that requests changed. One tab of a browser listens to the ledger and passes on what
// it hears: a browser opens six connections to a host, and pages need some of them themselves.
// While nothing is heard, pages look every few seconds.
const POLL_MS = 10_000
const SILENCE_MS = 45_000

// Calls onChange({ request, state }) for one request, and onChange({}) when anything may have
// changed.
export function listen(onChange) {
  const channel = new BroadcastChannel('placet-events')
  let live = false
  let streaming = false
  const hear = ({ change, is, ask }) => {
    if (ask && streaming) return channel.postMessage({ is: live })
    if (change) onChange(change)
    if (is === undefined || is === live) return
    live = is
    // What happened in between was not heard.
    onChange({})
  }
  const tell = (message) => {
    channel.postMessage(message)
    hear(message)
  }
  channel.addEventListener('message', ({ data }) => hear(data))
  channel.postMessage({ ask: true })
  // Held until this tab goes; then another one takes over.
  navigator.locks.request('placet-events', () => new Promise(() => {
    streaming = true
    stream(tell)
  }))
  setInterval(() => live || onChange({}), POLL_MS)
  addEventListener('online', () => onChange({}))
}

function stream(tell) {
  let heard = Date.now()
  let source = null
  const open = () => {
    source?.close()
    source = new EventSource('/events')
    const beat = () => {
      heard = Date.now()
      tell({ is: true })
    }
    source.addEventListener('open', beat)
    source.addEventListener('beat', beat)
    source.addEventListener('look', () => tell({ change: {} }))
    source.addEventListener('request', ({ data }) => {
      beat()
      tell({ change: JSON.parse(data) })
    })
    source.addEventListener('error', () => tell({ is: false }))
  }
  open()
  // A connection may die without a word, and a refused one is not tried again by the browser.
  setInterval(() => {
    if (Date.now() - heard > SILENCE_MS || source.readyState === EventSource.CLOSED) {
      heard = Date.now()
      tell({ is: false })
      open()
    }
  }, POLL_MS)
}
