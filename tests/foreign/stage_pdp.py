"""A decision point that others wrote (Cerbos) has to agree, with our step-up laid over it."""

import json
import pathlib
import subprocess
import time
import urllib.error
import urllib.request

from live import Ledger, free_port
from report import HERE

BINARY = HERE / "node_modules" / "@cerbos" / "cerbos-linux-x64" / "cerbos-linux-x64"

SCHEMA = """
entity Agent;
entity User { email?: String };
action read_user, disable_user, delete_user appliesTo {
  principal: [Agent], resource: [User], context: {
    action_digest: String, approval?: { digest: String, method: String }, ticket?: String,
  },
};
"""
# Ours asks a person for what is grave, and leaves the rest to the other, but for one.
POLICIES = """
@id("leave") permit (principal, action, resource)
  unless { action == Action::"delete_user" };
@id("grave") @approve("passkey") @self_approval("allow")
forbid (principal, action == Action::"disable_user", resource)
  unless { context has approval && context.approval.digest == context.action_digest };
"""
MAPPING = """
[pdp]
url = "URL"
timeout_ms = 3000
[canary]
subject = {type = "agent", id = "support-bot"}
action = {name = "delete_user"}
resource = {type = "user", id = "canary"}
"""
CERBOS = """
apiVersion: api.cerbos.dev/v1
resourcePolicy:
  version: default
  resource: user
  rules:
    - actions: ["read_user", "disable_user", "delete_user"]
      effect: EFFECT_ALLOW
      roles: ["*"]
      condition:
        match:
          expr: request.principal.id == "support-bot"
    - actions: ["disable_user"]
      effect: EFFECT_DENY
      roles: ["*"]
      condition:
        match:
          expr: request.resource.id == "root"
"""


def run(report, options):
    base = options.work / "pdp"
    base.mkdir(parents=True, exist_ok=True)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    ledger = Ledger(options, base, "foreign.example/pdp")
    policy = folder(base / "policy", url)
    made = ledger.init("--policy", policy)
    if not report.check("init with a policy that names it", made.returncode == 0, made.stderr):
        return
    cerbos = start(base, port)
    try:
        if not report.check("Cerbos serves", awaits(url)):
            return
        with ledger.serve():
            token = (ledger.dir / "keys" / "pep-token").read_text().strip()
            ask = asker(ledger.url, token)
            ledger.enrol()
            judged(report, ask)
            step_up(report, ledger, ask)
            cerbos.terminate()
            cerbos.wait(10)
            answer = ask("read_user", "u-1")
            report.check("it is gone: deny", denied(answer), json.dumps(answer))
    finally:
        cerbos.kill()
        cerbos.wait()


def judged(report, ask):
    """What the two say together."""
    for name, subject, action, resource, expected in [
        ("both permit", "support-bot", "read_user", "u-1", "permit"),
        ("it denies", "other-bot", "read_user", "u-1", "deny"),
        ("ours asks, it permits", "support-bot", "disable_user", "u-1", "ask"),
        ("ours asks, it denies", "support-bot", "disable_user", "root", "deny"),
        ("ours denies, it permits", "support-bot", "delete_user", "u-1", "deny"),
    ]:
        answer = ask(action, resource, subject)
        report.check(f"{name}: {expected}", said(answer) == expected, json.dumps(answer))
    more = ask("read_user", "u-1", email="a@example.com", ticket="T-1", extra=[1, {"a": None}])
    report.check("properties and context do not trouble it", said(more) == "permit",
                 json.dumps(more))


def step_up(report, ledger, ask):
    """A person approves what it permits and ours asks for."""
    request = ledger.request()
    done = ledger.approve(request)
    report.check("a person approves", done.returncode == 0, done.stdout + done.stderr)
    spent = ask.call("/v1/consume", {
        "request": request, "initiator": {"type": "agent", "id": "support-bot"},
        "action_digest": "a9639db98664366231fe6feb7a5a39a3b95392b8842fdffa6c18f81f7090156e",
        "idempotency_key": "one"})
    report.check("and it is spent", spent.get("repeated") is False, json.dumps(spent))


def folder(path, url):
    path.mkdir(exist_ok=True)
    (path / "schema.cedarschema").write_text(SCHEMA)
    (path / "policies.cedar").write_text(POLICIES)
    (path / "mapping.toml").write_text(MAPPING.replace("URL", url))
    return path


def start(base, port):
    policies = base / "cerbos"
    policies.mkdir(exist_ok=True)
    (policies / "user.yaml").write_text(CERBOS)
    config = base / "cerbos.yaml"
    config.write_text(json.dumps({
        "server": {"httpListenAddr": f"127.0.0.1:{port}",
                   "grpcListenAddr": f"127.0.0.1:{free_port()}"},
        "storage": {"driver": "disk", "disk": {"directory": str(policies)}},
        "telemetry": {"disabled": True}}))
    log = pathlib.Path(base / "cerbos.log").open("wb")
    return subprocess.Popen([BINARY, "server", "--config", config], stdout=log, stderr=log)


def awaits(url):
    """Whether it answers in time. It tells where it will serve, and not when it does."""
    for _ in range(200):
        try:
            with urllib.request.urlopen(f"{url}/.well-known/authzen-configuration", timeout=5):
                return True
        except urllib.error.URLError:
            time.sleep(0.1)
    return False


def asker(url, token):
    def call(path, body):
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        request = urllib.request.Request(url + path, json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            return {"status": error.code, "body": error.read().decode(errors="replace")}

    def ask(action, resource, subject="support-bot", email=None, **context):
        properties = {"properties": {"email": email}} if email else {}
        return call("/access/v1/evaluation", {
            "subject": {"type": "agent", "id": subject}, "action": {"name": action},
            "resource": {"type": "user", "id": resource, **properties}, "context": context})

    ask.call = call
    return ask


def said(answer):
    if answer.get("decision") is True:
        return "permit"
    return "ask" if answer["context"]["reason"] == "approval_required" else "deny"


def denied(answer):
    return answer.get("decision") is False and said(answer) == "deny"
