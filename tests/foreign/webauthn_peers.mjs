// @simplewebauthn/server over a list of assertions.
// usage: node webauthn_peers.mjs < LIST; prints the version, then one line `accept` or `refuse` each.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const { verifyAuthenticationResponse } = require('@simplewebauthn/server')
const manifest = require.resolve('@simplewebauthn/server').replace(/(@simplewebauthn\/server\/).*/, '$1package.json')
console.log(JSON.parse(readFileSync(manifest)).version)

for (const item of JSON.parse(readFileSync(0))) {
  console.log((await verified(item)) ? 'accept' : 'refuse')
}

async function verified(item) {
  try {
    const result = await verifyAuthenticationResponse({
      response: {
        id: item.credential_id,
        rawId: item.credential_id,
        type: 'public-key',
        clientExtensionResults: {},
        response: {
          authenticatorData: item.authenticator_data,
          clientDataJSON: item.client_data_json,
          signature: item.signature,
        },
      },
      expectedChallenge: item.challenge,
      expectedOrigin: item.origin,
      expectedRPID: item.rp_id,
      credential: {
        id: item.credential_id,
        publicKey: new Uint8Array(Buffer.from(item.cose_key, 'base64url')),
        counter: 0,
      },
      requireUserVerification: true,
    })
    return result.verified
  } catch {
    return false
  }
}
