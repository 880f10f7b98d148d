"""What the gateway's stage needs around it: an API, certificates, nginx, Caddy, agents."""

import base64
import hashlib
import http.client
import http.server
import json
import pathlib
import ssl
import subprocess
import threading
import time

from live import free_port
from report import Server
from report import run as start

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs" / "gateway-http.md"
TOKEN = base64.urlsafe_b64encode(hashlib.sha256(b"an agent of a test").digest()).decode()

ROUTES = """
[[route]]
methods = ["GET"]
path = "/users/{id}"
action = "read_user"
resource = { type = "user", id = "{path.id}" }
body = "none"

[[route]]
methods = ["POST"]
path = "/users/{id}/disable"
action = "disable_user"
resource = { type = "user", id = "{path.id}" }
"""


class Api(http.server.ThreadingHTTPServer):
    """The API behind; it counts what it gets."""

    daemon_threads = True

    def __init__(self, certificate=None):
        self.hits = []
        super().__init__(("127.0.0.1", 0), Hit)
        self.port = self.server_address[1]
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Hit(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.hits.append((self.command, self.path, dict(self.headers), body))
        self.send_response(200)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"done")

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


def certificate(base):
    """A certificate of this machine and its key, both in PEM."""
    chain, key = base / "tls.pem", base / "tls.key"
    done = start(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                  "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=localhost", "-days", "2",
                  "-addext", "subjectAltName=DNS:localhost",
                  "-addext", "basicConstraints=critical,CA:FALSE", "-out", chain, "-keyout", key])
    assert done.returncode == 0, done.stderr
    return chain, key


def policy(base):
    """The guide's policy."""
    folder = base / "policy"
    folder.mkdir()
    (folder / "policies.cedar").write_text(documented("cedar"))
    (folder / "schema.cedarschema").write_text(documented("cedarschema"))
    return folder


def tokens(base):
    path = base / "tokens.toml"
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()
    path.write_text(f'[[token]]\nsha256 = "{digest}"\ntype = "agent"\nid = "support-bot"\n')
    path.chmod(0o600)


def gateway(options, ledger, name, settings, *more):
    """A running gateway, as a context."""
    return Server([options.placet, "gateway", "http", "--config", config(ledger, name, settings),
                   "--ledger", ledger.url, "--token-file", ledger.dir / "keys" / "pep-token",
                   "--listen", "127.0.0.1:0", *more])


def embedded(options, ledger, settings):
    """A running gateway with the ledger's service in it, as a context."""
    return Server([options.placet, "gateway", "http", "--config",
                   config(ledger, "embedded", settings), "--dir", ledger.dir,
                   "--listen", "127.0.0.1:0"])


def config(ledger, name, settings):
    path = ledger.base / f"{name}.toml"
    path.write_text(f'tokens = "tokens.toml"\n{settings}\n{ROUTES}')
    return path


def documented(kind, nth=1):
    """A block of the guide, the nth of its kind."""
    return DOCS.read_text().split(f"```{kind}\n")[nth].split("```\n", 1)[0]


def guided(options, ledger, api):
    """A running gateway with the guide's own tokens.toml and gateway.toml, as a context."""
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()
    rows = replaced(documented("toml"), (("64 hexadecimal digits", digest),))
    (ledger.base / "tokens.toml").write_text(rows)
    table = replaced(documented("toml", 2),
                     (("http://127.0.0.1:9000", f"http://127.0.0.1:{api.port}"),))
    path = ledger.base / "gateway.toml"
    path.write_text(table)
    return path, Server([options.placet, "gateway", "http", "--config", path, "--ledger",
                         ledger.url, "--token-file", ledger.dir / "keys" / "pep-token",
                         "--listen", "127.0.0.1:0"])


def replaced(block, pairs):
    for was, now in pairs:
        assert was in block, f"docs/gateway-http.md has no {was}"
        block = block.replace(was, now)
    return block


class Nginx:
    """nginx with the guide's server block."""

    def __init__(self, base, gateway_url, api_port):
        self.base, self.port = base, free_port()
        block = replaced(documented("nginx"), (
            ("listen 80;", f"listen 127.0.0.1:{self.port};"),
            ("http://127.0.0.1:8430", gateway_url.replace("localhost", "127.0.0.1")),
            ("http://127.0.0.1:9000", f"http://127.0.0.1:{api_port}")))
        (base / "nginx.conf").write_text(f"""
            user root; worker_processes 1; pid {base}/nginx.pid; error_log {base}/error.log;
            events {{}}
            http {{
                access_log off; client_body_temp_path {base}/t1; proxy_temp_path {base}/t2;
                fastcgi_temp_path {base}/t3; uwsgi_temp_path {base}/t4; scgi_temp_path {base}/t5;
                {block}
            }}
        """)
        self.command = ["nginx", "-e", base / "error.log", "-c", base / "nginx.conf", "-p", base]

    def __enter__(self):
        done = start(self.command)
        assert done.returncode == 0, done.stderr
        return self

    def __exit__(self, *_):
        start([*self.command, "-s", "stop"])


class Caddy:
    """Caddy with the guide's site."""

    def __init__(self, base, gateway_url, api_port):
        self.base, self.port = base, free_port()
        site = replaced(documented("caddyfile"), (
            ("api.example.com {", f"http://127.0.0.1:{self.port} {{"),
            ("127.0.0.1:8430", gateway_url.replace("http://localhost", "127.0.0.1")),
            ("127.0.0.1:9000", f"127.0.0.1:{api_port}")))
        (base / "Caddyfile").write_text("{\n admin off\n auto_https off\n}\n" + site)

    def __enter__(self):
        log = open(self.base / "caddy.log", "w")
        self.process = subprocess.Popen(
            ["caddy", "run", "--config", self.base / "Caddyfile", "--adapter", "caddyfile"],
            stdout=log, stderr=log, env={"HOME": str(self.base), "PATH": "/usr/bin:/bin"})
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                http.client.HTTPConnection("127.0.0.1", self.port, timeout=5).connect()
                return self
            except OSError:
                time.sleep(0.05)
        raise RuntimeError((self.base / "caddy.log").read_text())

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)


class Agent:
    """An agent at an address; its answers are (status, headers, body)."""

    def __init__(self, port, roots=None):
        self.port = port
        self.context = ssl.create_default_context(cafile=roots) if roots else None

    def call(self, method, target, headers=None, body=None):
        if self.context:
            connection = http.client.HTTPSConnection("localhost", self.port, timeout=60,
                                                     context=self.context)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Authorization": f"Bearer {TOKEN}", **(headers or {})}
        if body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(body)
        try:
            connection.request(method, target, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()
