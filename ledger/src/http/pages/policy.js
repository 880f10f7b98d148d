// The policy page: reads a folder, shows what would change, and has the change signed.
import { $, agree, alone, encode, get, post, say } from './passkey.js'

const PART = /^([^/]+\.cedar|schema\.cedarschema|(entities|mapping|verification)\.json|mapping\.toml|templates\/[^/]+\.txt)$/

// Files by their names in the folder; what is no part of a policy is left out.
async function chosen() {
  const files = {}
  for (const file of $('policy-folder').files) {
    const name = file.webkitRelativePath.split('/').slice(1).join('/') || file.name
    if (PART.test(name)) files[name] = encode(await file.arrayBuffer())
  }
  return files
}

function show(files) {
  const list = files.map(({ name, state, text }) => {
    const details = document.createElement('details')
    const summary = document.createElement('summary')
    const pre = document.createElement('pre')
    summary.textContent = `${name} – ${state}`
    pre.textContent = text
    pre.tabIndex = 0
    details.open = state !== 'same'
    details.append(summary, pre)
    return details
  })
  $('policy-files').replaceChildren(...list)
}

async function activate() {
  const prepared = await post('/policy/open', { files: await chosen() })
  show(prepared.files)
  say('Read the files below before you sign.')
  if (!(await agree(prepared.text, 'Sign this with your passkey?'))) {
    show([])
    return say('Nothing was signed.')
  }
  say('Waiting for your passkey …')
  const credential = await get(prepared.options)
  const done = await post('/people/me/change/sign', { document: prepared.document, credential })
  const later = done.note_missing ? ' No witness has confirmed it yet: it counts later.' : ''
  say(`In force, as entry ${done.index} of the governance log.${later}`)
  return true
}

const form = $('policy-form')
form?.addEventListener('submit', (event) => {
  event.preventDefault()
  alone(form.querySelectorAll('button'), activate)
})
