// Does one thing on Placet's pages as a person with a passkey would, and prints what came of it.
//
//   node drive.mjs enrol   --base URL --state FILE --name NAME [--code CODE] [--path /enrol]
//   node drive.mjs approve --base URL --state FILE --path PATH [--unverified]
//   node drive.mjs deny    --base URL --state FILE --path PATH [--unverified]
//   node drive.mjs erase   --base URL --state FILE --path PATH --reason TEXT
//
// --state FILE        the passkeys, kept between runs
// --expect REGEX      what the status must come to say (default: enrolled, approved, denied or erased)
// --assertion FILE    write the assertion, as WebAuthn libraries take it
// --screenshot FILE   write a picture of the page at the end
// --unverified        the authenticator refuses user verification; expects no assertion
//
// Prints one JSON object. Exit code 0 if the status came to say what was expected, else 1.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Browser } from './browser.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    base: { type: 'string' },
    state: { type: 'string' },
    name: { type: 'string' },
    code: { type: 'string' },
    path: { type: 'string' },
    reason: { type: 'string' },
    expect: { type: 'string' },
    assertion: { type: 'string' },
    screenshot: { type: 'string' },
    unverified: { type: 'boolean', default: false },
  },
})
const DONE = { enrol: 'enrolled', approve: 'approved', deny: 'denied', erase: 'erased' }
const [task] = positionals
if (!(task in DONE) || !values.base || !values.state) {
  console.error('usage: drive.mjs enrol|approve|deny|erase --base URL --state FILE ..')
  process.exit(2)
}

const expect = new RegExp(values.expect ?? (values.unverified ? 'nothing was signed' : DONE[task]), 'i')
const browser = await Browser.open(values.base, values.state)
let result
try {
  if (task === 'enrol') {
    const { code, name, path = '/enrol' } = values
    result = await browser.enrol({ path, code, name, expect })
  } else if (task === 'erase') {
    result = await browser.erase({ path: values.path, reason: values.reason, expect })
  } else {
    const verified = !values.unverified
    result = await browser.answer({ path: values.path, answer: task, verified, expect })
    if (values.unverified && result.assertion) throw new Error('an assertion without verification')
    if (values.assertion) writeFileSync(values.assertion, JSON.stringify(result.assertion, null, 1))
  }
} catch (error) {
  result = { error: String(error) }
  process.exitCode = 1
}
if (values.screenshot) await browser.screenshot(values.screenshot)
await browser.close()
console.log(JSON.stringify(result))
