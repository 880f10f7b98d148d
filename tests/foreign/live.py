"""A ledger of ours that runs, from `placet init` to evidence, through the programs alone."""

import json
import socket

import trustfile
from report import Server, run

ACTION = {
    "subject": {"type": "agent", "id": "support-bot"},
    "action": {"name": "disable_user"},
    "resource": {"type": "user", "id": "X0001"},
    "context": {},
}


class Ledger:
    """One folder of a development ledger, and the files of those who use it beside it."""

    def __init__(self, options, base, origin):
        self.placet, self.verify = options.placet, options.verify
        self.base, self.dir = base, base / "ledger"
        self.origin = origin
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self.trust = base / "trust.json"
        self.key = base / "alice.softkey"
        self.code = None
        (base / "action.json").write_text(json.dumps(ACTION))

    def init(self, *more):
        """`placet init`; keeps the one-time code if it came to its end."""
        done = run([self.placet, "--json", "init", "--dir", self.dir, "--origin", self.origin,
                    "--dev", "--listen", f"127.0.0.1:{self.port}", *more])
        if done.returncode == 0:
            self.code = json.loads(done.stdout)["one_time_code"]
        return done

    def log_vkeys(self):
        """{role: verifier key} from `placet keys list`."""
        done = run([self.placet, "--json", "keys", "list", "--dir", self.dir])
        keys = {}
        for key in json.loads(done.stdout)["keys"]:
            if key["log"] and key["vkey"]:
                keys["gov" if key["log"].endswith("/gov") else "main"] = key["vkey"]
        return keys

    def serve(self):
        """The running service, as a context."""
        return Server([self.placet, "serve", "--dir", self.dir])

    def enrol(self):
        """Enrols a software passkey; gives the thumbprint of its key."""
        done = run([self.placet, "--json", "enrol", "--url", self.url, "--key", self.key,
                    "--code", self.code, "--name", "Alice"])
        return json.loads(done.stdout)["key"]

    def request(self, action="action.json"):
        """Asks for the action in a file; gives the request that waits for a person."""
        done = run([self.placet, "--json", "request", "--url", self.url,
                    "--token-file", self.dir / "keys" / "pep-token", self.base / action])
        return json.loads(done.stdout)["task"]["id"]

    def approve(self, request):
        """Approves with the software passkey."""
        return run([self.placet, "approve", "--url", self.url, request, "--key", self.key, "--yes"])

    def evidence(self, request, name="evidence.placet"):
        """Fetches complete evidence; gives its path."""
        out = self.base / name
        run([self.placet, "evidence", request, "--url", self.url, "--wait", "30s", "--out", out,
             "--token-file", self.dir / "keys" / "pep-token"])
        return out

    def enrolled(self):
        """Thumbprints of the enrolled keys. Not while the service holds the folder."""
        done = run([self.placet, "--json", "trust", "export", "--dir", self.dir, "--out",
                    self.base / "rootless.json", "--allow-dev", "--yes"])
        return [key["key"] for key in json.loads(done.stdout)["not_roots"]]

    def export_trust(self, key):
        """A trust file with this key as root. Not while the service holds the folder."""
        return run([self.placet, "trust", "export", "--dir", self.dir, "--out", self.trust,
                    "--allow-dev", "--root", key, "--yes"])

    def check(self, evidence, *more):
        """The command that verifies evidence under the exported trust file."""
        return [self.verify, "check", evidence, "--trust", self.trust, *more]

    def witness_vkeys(self, role):
        """The witnesses that the exported trust file names for a log."""
        return trustfile.witness_vkeys(self.trust, role)


def free_port():
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
