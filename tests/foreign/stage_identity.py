"""Access tokens of oidc-provider and DPoP proofs of oauth4webapi, judged by our gateway."""

import http.server
import threading

from live import Ledger, free_port
from report import HERE, Server
from stage_tokens import converse

SETTINGS = """
public_url = "http://localhost:{port}"

[upstream]
url = "http://127.0.0.1:{api}"

[[identity]]
name = "oidc-provider"
kind = "jwt"
issuer = "http://127.0.0.1:{issuer}"
audience = "https://api.example"
jwks_url = "http://127.0.0.1:{issuer}/jwks"
scopes = ["invoke"]

[[route]]
methods = ["GET"]
path = "/users/{{id}}"
action = "read_user"
resource = {{ type = "user", id = "{{path.id}}" }}
body = "none"

[[route]]
methods = ["POST"]
path = "/users/{{id}}/disable"
action = "disable_user"
resource = {{ type = "user", id = "{{path.id}}" }}
body = "none"
"""


def run(report, options):
    base = options.work / "identity"
    base.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(options, base, "foreign.example/identity")
    if not report.check("init", ledger.init().returncode == 0):
        return
    api, port, issuer = serve(), free_port(), free_port()
    settings = base / "gateway.toml"
    settings.write_text(SETTINGS.format(port=port, api=api.server_port, issuer=issuer))
    command = [options.placet, "gateway", "http", "--config", settings, "--ledger", ledger.url,
               "--token-file", ledger.dir / "keys" / "pep-token", "--listen", f"127.0.0.1:{port}"]
    with ledger.serve():
        ledger.enrol()
        with Server(command):
            program = ["node", HERE / "identity.mjs", issuer, f"http://localhost:{port}"]
            converse(report, program, ledger.approve)
    api.shutdown()


def serve():
    """An API that does what it is told."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("content-length", "4")
            self.end_headers()
            self.wfile.write(b"done")

        do_POST = do_GET

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
