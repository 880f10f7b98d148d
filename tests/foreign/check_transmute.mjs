// @transmute/cose: the whole inclusion receipt, path and signature. ES256 receipt keys only.
// usage: node check_transmute.mjs EXPORT_FOLDER; exit code 0 accepted, 1 refused, 2 no check made.
import { createHash, createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const require = createRequire(import.meta.url)
const cose = require('@transmute/cose')
const folder = process.argv[2]
if (!folder) {
  console.error('usage: node check_transmute.mjs EXPORT_FOLDER')
  process.exit(2)
}
const manifest = new URL('node_modules/@transmute/cose/package.json', import.meta.url)
console.log(`peer @transmute/cose ${JSON.parse(readFileSync(manifest)).version}`)

const read = (name) => readFileSync(join(folder, name))
const statement = read('statement.cose')
const entry = Buffer.from(read('entry.hex').toString().trim(), 'hex')
const jwk = createPublicKey(read('log.pem')).export({ format: 'jwk' })
if (jwk.crv !== 'P-256') {
  console.error('this peer takes ES256 receipt keys only')
  process.exit(2)
}
try {
  const verifier = cose.detached.verifier({ resolver: { resolve: async () => ({ ...jwk, alg: 'ES256' }) } })
  const leaf = await cose.receipt.leaf(new Uint8Array(entry))
  await cose.receipt.inclusion.verify({ entry: leaf, receipt: bytes(read('receipt.cose')), verifier })
  if (!createHash('sha256').update(statement).digest().equals(entry)) throw new Error('entry is not the statement')
  console.log('accepted')
} catch (error) {
  console.log(`refused: ${error}`)
  process.exit(1)
}

// The library decodes CBOR from an ArrayBuffer of its own, not a window into Node's pool.
function bytes(buffer) {
  return buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.length)
}
