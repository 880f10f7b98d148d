// jose and oauth4webapi over challenges and action-bound tokens of ours (docs/tokens.md).
// usage: node tokens.mjs LEDGER_URL PEP_TOKEN ACTION_FILE
// Prints `peer NAME VERSION`, `ok NAME` and `FAIL NAME: why`; after `approve REQUEST` it waits for a line.
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import * as jose from 'jose'
import * as oauth from 'oauth4webapi'

const [base, pepToken, actionFile] = process.argv.slice(2)
const RESOURCE = 'https://api.example'
const CALL = `${RESOURCE}/users/X0001/disable`
const insecure = { [oauth.allowInsecureRequests]: true }
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
for (const name of ['jose', 'oauth4webapi']) {
  const manifest = new URL(`node_modules/${name}/package.json`, import.meta.url)
  console.log(`peer ${name} ${JSON.parse(readFileSync(manifest)).version}`)
}

const issuer = new URL(base)
const found = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure })
const as = await oauth.processDiscoveryResponse(issuer, found)
check('oauth4webapi reads the metadata', as.issuer === base && as.transaction_authorization_endpoint)
const tokenKeys = jose.createRemoteJWKSet(new URL(as.jwks_uri))
const challengeKeys = jose.createRemoteJWKSet(new URL(as.txn_challenge_jwks_uri))

// A challenge, by jose.
const action = JSON.parse(readFileSync(actionFile))
const agent = await keys('ES256')
const denied = await pep('/access/v1/evaluation', action)
const request = denied.body.context.evaluation_id
const made = await pep('/v1/transactions/challenge', { request, resource: RESOURCE, jkt: agent.jkt })
const challenge = made.body.transaction_challenge
const asked = { issuer: RESOURCE, audience: base, typ: 'txn-authz-challenge+jwt', algorithms: ['ES256'] }
const { payload } = await jose.jwtVerify(challenge, challengeKeys, asked)
check('jose verifies the challenge', payload.txn === made.body.txn && payload.cnf.jkt === agent.jkt)
await refused('jose refuses it under the keys of tokens', () => jose.jwtVerify(challenge, tokenKeys, asked))

// Proofs that jose makes, under each algorithm that the metadata names.
for (const alg of as.dpop_signing_alg_values_supported) {
  const free = await pep('/v1/transactions/challenge', { request, resource: RESOURCE })
  const begun = await form({ transaction_challenge: free.body.transaction_challenge }, await keys(alg))
  check(`a DPoP proof with ${alg} by jose is accepted`, begun.status === 200, JSON.stringify(begun.body))
}
const other = await keys('ES256')
const begin = { transaction_challenge: challenge, client_id: 'support-bot' }
const stolen = await form(begin, other)
check('the challenge under another key is refused', stolen.body.error === 'access_denied')
const proof = await proofOf(agent)
const begun = await form(begin, agent, proof)
check('the challenge is taken', begun.status === 200, JSON.stringify(begun.body))
const replayed = await form(begin, agent, proof)
check('a proof is accepted once', replayed.body.error === 'invalid_dpop_proof')
const poll = { transaction_authorization_id: begun.body.transaction_authorization_id }
check('persons have to answer', (await form(poll, agent)).body.error === 'authorization_pending')
console.log(`approve ${request}`)
await lines.next()
const minted = await form(poll, agent)
const token = minted.body.access_token
check('a token is minted', minted.status === 200 && minted.body.token_type === 'DPoP', JSON.stringify(minted.body))

// The token, by both.
const wanted = { issuer: base, audience: RESOURCE, typ: 'at+jwt', algorithms: ['ES256'], maxTokenAge: 120 }
const verified = await jose.jwtVerify(token, tokenKeys, wanted)
const details = verified.payload.authorization_details[0]
check('jose verifies the token', details.action_digest.length === 64 && verified.payload.txn === payload.txn)
await refused('jose refuses it under the keys of challenges', () => jose.jwtVerify(token, challengeKeys, wanted))
const client = { client_id: 'support-bot' }
const own = await shown(oauth.DPoP(client, agent))
const claims = await validated(own.clone(), RESOURCE)
check('oauth4webapi validates token and proof', claims.cnf.jkt === agent.jkt && claims.sub === 'support-bot')
await refused('oauth4webapi refuses another audience', () => validated(own.clone(), 'https://other.example'))
await refused('oauth4webapi refuses a stolen token', async () => validated(await shown(oauth.DPoP(client, other)), RESOURCE))
await refused('oauth4webapi refuses it as a bearer', () => {
  const bearer = new Request(CALL, { method: 'POST', headers: { authorization: `Bearer ${token}` } })
  return validated(bearer, RESOURCE)
})

// Spent once.
const introspection = await introspected()
check('it is active', introspection.active === true && introspection.token_type === 'DPoP')
const spend = { token, resource: RESOURCE, action_digest: details.action_digest, idempotency_key: 'a' }
const swapped = await pep('/v1/transactions/spend', { ...spend, action_digest: '0'.repeat(64) })
check('it is for no other action', swapped.body.code === 'token.action')
check('it is spent', (await pep('/v1/transactions/spend', spend)).status === 200)
const again = await pep('/v1/transactions/spend', { ...spend, idempotency_key: 'b' })
check('and no second time', again.status === 409 && again.body.code === 'token.spent')
check('it is active no more', (await introspected()).active === false)
process.exit(0)

function check(name, ok, why = '') {
  console.log(ok ? `ok ${name}` : `FAIL ${name}: ${why}`)
}

async function refused(name, call) {
  const outcome = await Promise.resolve().then(call).then(() => null, (error) => error)
  check(name, outcome !== null, 'it was accepted')
}

async function keys(alg) {
  const pair = await jose.generateKeyPair(alg, { extractable: true })
  const jwk = await jose.exportJWK(pair.publicKey)
  return { ...pair, alg, jwk, jkt: await jose.calculateJwkThumbprint(jwk) }
}

function proofOf({ alg, jwk, privateKey }) {
  const claims = { htm: 'POST', htu: as.transaction_authorization_endpoint, jti: crypto.randomUUID() }
  const header = { alg, typ: 'dpop+jwt', jwk }
  return new jose.SignJWT(claims).setProtectedHeader(header).setIssuedAt().sign(privateKey)
}

async function form(members, key, proof) {
  const headers = { dpop: proof ?? (await proofOf(key)) }
  const body = new URLSearchParams(members)
  return read(await fetch(as.transaction_authorization_endpoint, { method: 'POST', headers, body }))
}

async function pep(path, body) {
  const headers = { authorization: `Bearer ${pepToken}`, 'content-type': 'application/json' }
  return read(await fetch(base + path, { method: 'POST', headers, body: JSON.stringify(body) }))
}

async function introspected() {
  const headers = { authorization: `Bearer ${pepToken}` }
  const body = new URLSearchParams({ token })
  return (await read(await fetch(as.introspection_endpoint, { method: 'POST', headers, body }))).body
}

async function read(response) {
  return { status: response.status, body: await response.json() }
}

// The request that oauth4webapi would send to the resource.
async function shown(DPoP) {
  let sent
  const keep = (url, options) => {
    sent = new Request(url, options)
    return new Response(null, { status: 204 })
  }
  const options = { DPoP, [oauth.customFetch]: keep }
  await oauth.protectedResourceRequest(token, 'POST', new URL(CALL), new Headers(), null, options)
  return sent
}

function validated(request, audience) {
  return oauth.validateJwtAccessToken(as, request, audience, { requireDPoP: true, ...insecure })
}
