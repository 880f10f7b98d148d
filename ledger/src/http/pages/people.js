// Enrolling a passkey.
import { $, alone, create, get, post, say, whoever } from './passkey.js'

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

const form = $('enrol')
form?.addEventListener('submit', (event) => {
  event.preventDefault()
  alone(form.querySelectorAll('button'), () => enrol(form))
})
