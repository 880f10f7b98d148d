// oidc-provider issues access tokens, oauth4webapi and jose make DPoP proofs, our gateway judges both.
// usage: node identity.mjs PORT GATEWAY_URL
// Prints `peer NAME VERSION`, `ok NAME` and `FAIL NAME: why`; after `approve REQUEST` it waits for a line.
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import * as jose from 'jose'
import * as oauth from 'oauth4webapi'
import { Provider } from 'oidc-provider'

const [port, gateway] = process.argv.slice(2)
const ISSUER = `http://127.0.0.1:${port}`
const AUDIENCE = 'https://api.example'
const CLIENT = { client_id: 'support-bot' }
const SECRET = 'correct-horse-battery'
const insecure = { [oauth.allowInsecureRequests]: true }
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

const pair = await jose.generateKeyPair('ES256', { extractable: true })
const signing = { ...(await jose.exportJWK(pair.privateKey)), kid: 'k1', use: 'sig', alg: 'ES256' }
const server = await serve()
for (const name of ['jose', 'oauth4webapi', 'oidc-provider']) {
  const manifest = new URL(`node_modules/${name}/package.json`, import.meta.url)
  console.log(`peer ${name} ${JSON.parse(readFileSync(manifest)).version}`)
}

const issuer = new URL(ISSUER)
const found = await oauth.discoveryRequest(issuer, insecure)
const as = await oauth.processDiscoveryResponse(issuer, found)
const agent = await oauth.generateKeyPair('ES256', { extractable: true })
const own = oauth.DPoP(CLIENT, agent)
const bound = await token(AUDIENCE, own)
const claims = jose.decodeJwt(bound)
check('oidc-provider binds its token', claims.cnf.jkt !== undefined && jose.decodeProtectedHeader(bound).typ === 'at+jwt')

const read = () => call('GET', '/users/X0001', bound, own)
check('the token and its proof are accepted', (await read()).status === 200, await said(await read()))
const disable = (options) => call('POST', '/users/X0001/disable', bound, own, options)
const asked = await disable({ 'accept-txn-challenge': '?1' })
const challenge = /transaction_challenge="([^"]+)"/.exec(asked.headers.get('www-authenticate') ?? '')
check('what a person has to approve is challenged', asked.status === 401 && challenge !== null, await said(asked))
const inside = jose.decodeJwt(challenge[1])
check('the challenge is for the key that was proved', inside.cnf.jkt === claims.cnf.jkt && inside.iss === gateway)
console.log(`approve ${inside.request}`)
await lines.next()
check('once approved it passes', (await disable()).status === 200)

// What a thief has, and what another issuer or algorithm makes of it.
const other = oauth.DPoP(CLIENT, await oauth.generateKeyPair('ES256'))
await refused('a stolen token under another key', 'identity.binding', () => call('GET', '/users/X0001', bound, other))
await refused('a stolen token as a bearer', 'identity.binding', () => bare(`Bearer ${bound}`))
await refused('a token without its proof', 'identity.dpop', () => bare(`DPoP ${bound}`))
const sent = await prepared('GET', '/users/X0001', bound, own)
check('a proof counts once', (await fetch(sent.clone())).status === 200)
await refused('a proof that was used', 'identity.replayed', () => fetch(sent.clone()))
const moved = await prepared('GET', '/users/X0002', bound, own)
const proof = moved.headers.get('dpop')
await refused('a proof for another URL', 'identity.dpop', () => bare(`DPoP ${bound}`, proof))
const elsewhere = await token('https://other.example', own)
await refused('a token for another audience', 'identity.audience', () => call('GET', '/users/X0001', elsewhere, own))
const unbound = await token(AUDIENCE)
await refused('a token that is not bound', 'identity.unbound', () => bare(`Bearer ${unbound}`))
const forge = (key, header, changes = {}) =>
  new jose.SignJWT({ ...claims, ...changes }).setProtectedHeader(header).sign(key)
const now = Math.floor(Date.now() / 1000)
const good = { alg: 'ES256', typ: 'at+jwt', kid: 'k1' }
const stranger = (await jose.generateKeyPair('ES256')).privateKey
const x = new TextEncoder().encode(JSON.stringify(await jose.exportJWK(pair.publicKey)))
for (const [name, code, forged] of [
  ['a forged signature', 'identity.signature', await forge(stranger, good)],
  ['an HMAC with the public key', 'identity.algorithm', await forge(x, { ...good, alg: 'HS256' })],
  ['alg none', 'identity.algorithm', new jose.UnsecuredJWT(claims).encode()],
  ['an ID token', 'identity.type', await forge(pair.privateKey, { ...good, typ: 'JWT' })],
  ['an unknown key', 'identity.key', await forge(pair.privateKey, { ...good, kid: 'k2' })],
  ['an expired token', 'identity.expired', await forge(pair.privateKey, good, { exp: now - 60 })],
  ['a token of the future', 'identity.not_yet', await forge(pair.privateKey, good, { nbf: now + 300 })],
  ['another issuer', 'identity.issuer', await forge(pair.privateKey, good, { iss: 'http://127.0.0.1:1' })],
]) {
  await refused(name, code, () => call('GET', '/users/X0001', forged, own))
}
server.close()
process.exit(0)

function check(name, ok, why = '') {
  console.log(ok ? `ok ${name}` : `FAIL ${name}: ${why}`)
}

async function refused(name, code, send) {
  const answer = await send()
  const body = await said(answer.clone())
  check(`${name} is refused`, answer.status === 401 && body.includes(code), `${answer.status} ${body}`)
}

async function said(answer) {
  return (await answer.text()).replaceAll('\n', ' ')
}

async function serve() {
  const ttl = { accessTokenFormat: 'jwt', accessTokenTTL: 120, jwt: { sign: { alg: 'ES256' } } }
  const provider = new Provider(ISSUER, {
    jwks: { keys: [signing] },
    clients: [{
      ...CLIENT, client_secret: SECRET, grant_types: ['client_credentials'], redirect_uris: [], response_types: [],
      id_token_signed_response_alg: 'ES256',
    }],
    features: {
      clientCredentials: { enabled: true },
      dPoP: { enabled: true },
      devInteractions: { enabled: false },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_, resource) => ({ scope: 'invoke', audience: resource, ...ttl }),
        useGrantedResource: () => true,
      },
    },
  })
  return new Promise((resolve) => {
    const listening = provider.listen(Number(port), '127.0.0.1', () => resolve(listening))
  })
}

async function token(resource, DPoP) {
  const authentication = oauth.ClientSecretBasic(SECRET)
  const wanted = { resource, scope: 'invoke' }
  const options = { DPoP, ...insecure }
  const answer = await oauth.clientCredentialsGrantRequest(as, CLIENT, authentication, wanted, options)
  return (await oauth.processClientCredentialsResponse(as, CLIENT, answer)).access_token
}

// A request with its proof, not sent yet.
async function prepared(method, path, accessToken, DPoP, headers = {}) {
  let sent
  const keep = (url, options) => {
    sent = new Request(url, options)
    return new Response(null, { status: 204 })
  }
  const options = { DPoP, [oauth.customFetch]: keep, ...insecure }
  await oauth.protectedResourceRequest(accessToken, method, new URL(gateway + path), new Headers(headers), null, options)
  return sent
}

async function call(method, path, accessToken, DPoP, headers) {
  return fetch(await prepared(method, path, accessToken, DPoP, headers))
}

function bare(authorization, dpop) {
  const headers = dpop ? { authorization, dpop } : { authorization }
  return fetch(`${gateway}/users/X0001`, { headers })
}
