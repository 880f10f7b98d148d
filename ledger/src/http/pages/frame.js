// What every page of somebody who is signed in has: times that go on, and the way out.
import { post } from './passkey.js'

const PERIOD_MS = 15_000
// Seconds left of which there are few.
const SOON = 600

// Seconds as a person would say them; the server says them alike.
function inWords(seconds) {
  if (seconds <= 0) return 'time is over'
  if (seconds < 60) return 'less than a minute left'
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min left`
  if (seconds < 172800) return `${Math.floor(seconds / 3600)} h left`
  return `${Math.floor(seconds / 86400)} days left`
}

// The browser's clock may be wrong: what counts is how long the page has been here.
const ends = new WeakMap()

export function secondsLeft(time) {
  if (!ends.has(time)) ends.set(time, performance.now() + 1000 * Number(time.dataset.remaining))
  return Math.ceil((ends.get(time) - performance.now()) / 1000)
}

export function updateTimes() {
  for (const time of document.querySelectorAll('time[data-remaining]')) {
    const left = secondsLeft(time)
    const words = inWords(left)
    if (time.textContent !== words) time.textContent = words
    time.classList.toggle('soon', left < SOON)
  }
}

updateTimes()
setInterval(updateTimes, PERIOD_MS)

document.getElementById('signout')?.addEventListener('click', async () => {
  try {
    await post('/signout', {})
  } catch {
    // The session may have ended before; the next page says so.
  }
  location.assign('/signin')
})

// A page that the browser kept while another was shown may be out of date.
addEventListener('pageshow', ({ persisted }) => persisted && location.reload())
