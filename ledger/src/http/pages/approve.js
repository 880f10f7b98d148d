// Answering a request: the document, the passkey, the receipt.
import { $, alone, get, post, say, whoever } from './passkey.js'

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

const section = $('answer')
if (section) {
  const buttons = [$('approve'), $('deny')]
  $('approve').addEventListener('click', () => alone(buttons, () => answer(section, false)))
  $('deny').addEventListener('click', () => alone(buttons, () => answer(section, true)))
}
