"""A delivery of ours, judged by libraries that others wrote: RFC 9421, RFC 9530, RFC 7638."""

import http.server
import json
import pathlib
import threading
import urllib.request
from datetime import timedelta

import http_message_signatures as signatures
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from joserfc.jwk import OKPKey

from live import Ledger
from report import run as start

COVERED = ("@method", "@target-uri", "content-type", "content-digest", "webhook-id",
           "webhook-timestamp")


def run(report, options):
    base = options.work / "outbound"
    base.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(options, base, "foreign.example/outbound")
    if not report.check("init", ledger.init().returncode == 0):
        return
    receiver, seen = listen()
    url = f"http://127.0.0.1:{receiver.server_port}/hook?a=b"
    with open(ledger.dir / "placet.toml", "a") as file:
        file.write(f'\n[[notify]]\nname = "ops"\nurl = "{url}"\n')
    with ledger.serve():
        with urllib.request.urlopen(f"{ledger.url}/.well-known/jwks.json") as answer:
            keys = json.load(answer)["keys"]
        done = start([options.placet, "notify", "test", "--dir", ledger.dir])
    receiver.shutdown()
    report.check("the test is delivered", done.returncode == 0 and len(seen) == 1, done.stdout)
    if len(seen) != 1:
        return
    key = OKPKey.import_key(keys[0])
    report.check("kid is the RFC 7638 thumbprint", key.thumbprint() == keys[0]["kid"])
    message = Message(url, *seen[0])
    report.check("the signature verifies", accepts(key, message))
    known = {keys[0]["kid"]: key.public_key.public_bytes_raw()}
    for name, at, body, expected in [
        ("accepts", url, message.body, "accepted"),
        ("refuses another URL", url + "c", message.body, "InvalidSignature"),
        ("refuses another body", url, b"{}", "AssertionError"),
    ]:
        said = documented(known, at, message.headers, body)
        report.check(f"the documented example {name}", said == expected, said)
    report.check("a changed body is refused", not accepts(key, message.but(body=b"{}")))
    report.check("another URL is refused", not accepts(key, message.but(url=url + "c")))
    for field in ("webhook-id", "webhook-timestamp", "content-digest", "content-type"):
        changed = {**message.headers, field: message.headers[field] + "1"}
        report.check(f"a changed {field} is refused", not accepts(key, message.but(headers=changed)))


def documented(keys, url, headers, body):
    """What the example in docs/notifications.md says of a request of ours."""
    text = (pathlib.Path(__file__).parents[2] / "docs" / "notifications.md").read_text()
    example = {}
    exec(text.split("```python\n")[1].split("```")[0], example)
    try:
        example["check"](keys, "POST", url, headers, body)
    except Exception as error:
        return type(error).__name__
    return "accepted"


def accepts(key, message):
    """Whether http-message-signatures accepts it, with everything covered that has to be."""

    class Keys(signatures.HTTPSignatureKeyResolver):
        def resolve_public_key(self, key_id):
            if key_id != key.thumbprint():
                raise KeyError(key_id)
            return Ed25519PublicKey.from_public_bytes(key.public_key.public_bytes_raw())

    verifier = signatures.HTTPMessageVerifier(
        signature_algorithm=signatures.algorithms.ED25519, key_resolver=Keys())
    try:
        results = verifier.verify(message, max_age=timedelta(minutes=5),
                                  expect_tag="placet-webhook",
                                  require_components=COVERED, body=message.body)
    except (signatures.InvalidSignature, signatures.HTTPMessageSignaturesException, KeyError):
        return False
    return len(results) == 1


class Message:
    """A request as the library wants it."""

    def __init__(self, url, method, headers, body):
        self.url, self.method, self.headers, self.body = url, method, headers, body

    def but(self, url=None, headers=None, body=None):
        return Message(url or self.url, self.method, headers or self.headers, body or self.body)


def listen():
    """A receiver that keeps what it gets."""
    seen = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            seen.append((self.command, headers, body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, seen
