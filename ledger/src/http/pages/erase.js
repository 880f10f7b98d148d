// Erasing what a leaf of the main log says: the order is prepared, read, and signed by a passkey.
import { agree, alone, get, post, say } from './passkey.js'

const statements = (n) => (n === 1 ? '1 statement' : `${n} statements`)

// One order after the other, until nothing is left: each names 256 statements at most.
async function erase(form) {
  const leaf = Number(form.dataset.leaf)
  const reason = new FormData(form).get('reason')
  for (;;) {
    const prepared = await post('/v1/erasures/prepare', { leaf, reason })
    const rest = prepared.left ? ` ${statements(prepared.left)} will be left for further orders.` : ''
    const question = `Erase ${statements(prepared.leaves.length)} for ever?${rest}`
    if (!(await agree(prepared.text, question))) {
      say('Nothing was signed.')
      return false
    }
    say('Waiting for your passkey …')
    const credential = await get(prepared.options)
    const done = await post('/v1/erasures/confirm', { document: prepared.document, credential })
    say(`Erased, by the order at leaf ${done.index} of the main log.`)
    if (done.left === 0) return true
  }
}

const form = document.querySelector('form[data-form=erase]')
form?.addEventListener('submit', (event) => {
  event.preventDefault()
  alone(form.querySelectorAll('button'), () => erase(form))
})
