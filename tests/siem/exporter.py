"""`placet export run` with all sinks at once, as a process that can be killed."""

import json
import signal
import subprocess
import time

from common import environment, run
from live import free_port

from receivers import S3, TOKEN

END_LIMIT_S = 60


class Exporter:
    def __init__(self, options, ledger, base):
        self.options, self.ledger, self.base = options, ledger, base
        base.mkdir(parents=True, exist_ok=True)
        self.config = base / "export.toml"
        self.tables = []
        self.process = None
        (base / "token").write_text(TOKEN)
        (base / "token").chmod(0o600)
        (base / "secret").write_text(S3.SECRET)
        (base / "secret").chmod(0o600)

    def sink(self, name, kind, format="ocsf", **settings):
        lines = [f"name = {json.dumps(name)}", f"kind = {json.dumps(kind)}",
                 f"format = {json.dumps(format)}"]
        for key, value in settings.items():
            text = json.dumps(value if isinstance(value, (bool, int)) else str(value))
            lines.append(f"{key} = {text}")
        self.tables.append("[[sink]]\n" + "\n".join(lines) + "\n")
        self.config.write_text("\n".join(self.tables))

    def start(self, metrics=None):
        more = ["--metrics", metrics] if metrics else []
        with open(self.base / "stderr", "ab") as errors:
            self.process = subprocess.Popen(
                [str(word) for word in [self.options.placet, "export", "run", "--dir",
                                        self.ledger.dir, "--config", self.config, "--state",
                                        self.base / "state", *more]],
                stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, env=environment())
        return self

    def kill(self):
        """Gives whether it ran: one that ended by itself is not killed."""
        if not self.process:
            return False
        ran = self.process.poll() is None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        return ran

    def stop(self):
        """In good order; gives the exit code."""
        self.process.terminate()
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def once(self):
        """Exports what there is, and ends."""
        return run([self.options.placet, "export", "run", "--dir", self.ledger.dir, "--config",
                    self.config, "--state", self.base / "state", "--once"])

    def test(self):
        """A test event to each sink."""
        return run([self.options.placet, "export", "test", "--dir", self.ledger.dir, "--config",
                    self.config, "--state", self.base / "state"])

    def status(self):
        return run([self.options.placet, "--json", "export", "status", "--dir", self.ledger.dir,
                    "--config", self.config, "--state", self.base / "state"])

    def said(self):
        path = self.base / "stderr"
        return path.read_text(errors="replace")[-3000:] if path.exists() else ""


class StandIn:
    """One of receivers.py, on the same port and file each time."""

    def __init__(self, options, kind, base, seed):
        self.options, self.kind, self.seed = options, kind, seed
        self.port, self.out = free_port(), base / f"{kind}.received"
        self.errors = base / f"{kind}.stderr"
        self.process, self.starts = None, 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self, calm=False):
        import sys

        from common import HERE

        self.starts += 1
        command = [sys.executable, HERE / "receivers.py", self.kind, "--port", self.port, "--out",
                   self.out, "--seed", self.seed + self.starts]
        with open(self.errors, "ab") as errors:
            self.process = subprocess.Popen([str(w) for w in command + ["--calm"] * calm],
                                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                            stderr=errors, env=environment())
        line = self.process.stdout.readline()
        if not line.startswith(b"ready"):
            raise RuntimeError(f"{self.kind}: {self.errors.read_text()[-1000:]}")
        return self

    def kill(self):
        """As that of the exporter."""
        if not self.process:
            return False
        ran = self.process.poll() is None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
        return ran

    stop = kill

    def lines(self):
        """All texts that it kept, call by call."""
        if not self.out.exists():
            return []
        return [text for call in self.out.read_text().split("\n")[:-1] for text in json.loads(call)]


def await_until(what, limit_s=END_LIMIT_S):
    """Looks until something is so; whether it came to that."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if what():
            return True
        time.sleep(0.2)
    return False
