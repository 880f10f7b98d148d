// A ledger of the real programs, with TLS, so that the pages are as a company has them.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { X509Certificate, createHash } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import https from 'node:https'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const HERE = dirname(fileURLToPath(import.meta.url))

export class Service {
  static async init(placet, work) {
    const self = new Service()
    Object.assign(self, { placet, work, dir: join(work, 'ledger'), count: 0 })
    self.asked = new Map()
    rmSync(work, { recursive: true, force: true })
    mkdirSync(work, { recursive: true })
    self.certificate()
    const port = await freePort()
    self.url = `https://localhost:${port}`
    const made = self.json('init', '--dir', self.dir, '--origin', 'ledger.example.com/2026', '--dev',
      '--listen', `127.0.0.1:${port}`, '--rp-id', 'localhost', '--public-url', self.url,
      '--policy', join(HERE, 'policies'))
    self.code = made.one_time_code
    return self
  }

  certificate() {
    this.cert = join(this.work, 'cert.pem')
    this.key = join(this.work, 'key.pem')
    execFileSync('openssl', [
      'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
      '-days', '30', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost',
      '-addext', 'basicConstraints=critical,CA:FALSE', '-keyout', this.key, '-out', this.cert,
    ], { stdio: 'ignore' })
    this.ca = readFileSync(this.cert)
    const { publicKey } = new X509Certificate(this.ca)
    const der = publicKey.export({ type: 'spki', format: 'der' })
    this.spki = createHash('sha256').update(der).digest('base64')
  }

  // Serves, with further settings such as { PLACET_REQUEST_S: '1' }.
  async serve(settings = {}) {
    const args = ['serve', '--dir', this.dir, '--tls-cert', this.cert, '--tls-key', this.key]
    const stdio = ['ignore', 'pipe', 'pipe']
    this.process = spawn(this.placet, args, { stdio, env: { ...this.environment, ...settings } })
    this.ended = new Promise((resolve) => this.process.once('exit', resolve))
    this.said = []
    this.process.stderr.on('data', (text) => { this.said = [...this.said, String(text)].slice(-50) })
    const lines = createInterface({ input: this.process.stdout })
    const ready = new Promise((resolve) => lines.on('line', (line) => {
      if (/(ready|listening on) https:/.test(line)) resolve(true)
    }))
    if (!await Promise.race([ready, this.ended.then(() => false)])) {
      throw new Error(`no ready line: ${this.said.join('')}`)
    }
  }

  async stop() {
    this.process.kill('SIGTERM')
    await this.ended
  }

  get environment() {
    return { ...process.env, PLACET_CA_FILE: this.cert }
  }

  json(...args) {
    const { environment: env } = this
    const done = spawnSync(this.placet, ['--json', ...args], { encoding: 'utf8', env })
    if (!done.stdout) throw new Error(`placet ${args.join(' ')}: ${done.stderr}`)
    return JSON.parse(done.stdout)
  }

  // What an agent asks for; gives the request that waits for a person.
  ask(action) {
    const file = join(this.work, `action-${this.count += 1}.json`)
    writeFileSync(file, JSON.stringify(action))
    const answer = this.json('request', '--url', this.url, '--token-file',
      join(this.dir, 'keys', 'pep-token'), file)
    if (!answer.task) throw new Error(`nobody is asked: ${JSON.stringify([action, answer])}`)
    this.asked.set(answer.task.id, action)
    return answer.task.id
  }

  get authorization() {
    return `Bearer ${readFileSync(join(this.dir, 'keys', 'pep-token'), 'utf8').trim()}`
  }

  // What a PEP posts.
  post(path, body) {
    const headers = { authorization: this.authorization, 'content-type': 'application/json' }
    return this.call(path, { method: 'POST', headers }, JSON.stringify(body))
  }

  get(path) {
    return this.call(path, { headers: { authorization: this.authorization } })
  }

  async call(path, options, body) {
    const { ca } = this
    const { status, text } = await new Promise((resolve, reject) => {
      const call = https.request(this.url + path, { ...options, ca }, (answer) => {
        const parts = []
        answer.on('data', (part) => parts.push(part))
        answer.on('end', () => resolve({ status: answer.statusCode, text: parts.join('') }))
      })
      call.on('error', reject)
      call.end(body)
    })
    if (status >= 300) throw new Error(`${path}: HTTP ${status} ${text}`)
    return JSON.parse(text)
  }

  // An agent runs what was approved, and says how it ended.
  async carryOut(request, result, detail) {
    const { action_digest } = await this.get(`/v1/requests/${request}`)
    const { subject: initiator } = this.asked.get(request)
    const idempotency_key = `run-${request}`
    await this.post('/v1/consume', { request, initiator, action_digest, idempotency_key })
    if (result) await this.post('/v1/outcome', { request, result, action_digest, detail })
  }
}

function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address()
      probe.close(() => resolve(port))
    })
  })
}
