"""Stories of several people in several browsers, each on a ledger of its own; then the verdicts of
the verifier on what they left.
"""

import json
import pathlib

from live import Ledger, free_port
from report import run

HERE = pathlib.Path(__file__).resolve().parent
# Settings of the ledgers, as lines of placet.toml.
STORIES = {
    "invite": "",
    "quorum": "",
    "ended": "request_s = 12\n",
    "policy": "",
    "objection": "recovery_delay_s = 86400\n",
    "recovery": "recovery_delay_s = 3\n",
    "hostile": "",
    "attacks": "",
}
# Those of all of them.
SETTINGS = "publish_ms = 50\n"
# A chat tool that may be told everything.
HOOK = """
[[notify]]
name = "chat"
template = "slack"
url = "http://127.0.0.1:{port}/hook"
events = ["request.opened"]
fields = ["initiator", "action", "resource", "audience", "reason"]
"""


def tell(report, options, only=()):
    """Runs the stories; counts what each of them checked."""
    for name, settings in STORIES.items():
        if only and name not in only:
            continue
        report.stage(f"story: {name}")
        Story(report, options, name).tell(settings)


class Story:
    """One story: a ledger that serves, a browser, and evidence."""

    def __init__(self, report, options, name):
        self.report, self.name = report, name
        self.base = options.work / name
        self.base.mkdir()
        self.ledger = Ledger(options, self.base, f"{name}.example/placet")
        self.program = options.placet.resolve()
        self.pictures = options.work / "pictures" / name
        self.pictures.mkdir(parents=True)
        self.hook = free_port()

    def tell(self, settings):
        done = self.ledger.init("--policy", HERE / "policy")
        if done.returncode != 0:
            self.report.check("init", False, done.stdout + done.stderr)
            return
        toml = self.ledger.dir / "placet.toml"
        given = settings + SETTINGS
        keys = {line.split("=")[0].strip() for line in given.splitlines()}
        kept = [line for line in toml.read_text().splitlines()
                if line.split("=")[0].strip() not in keys]
        # Before the first table.
        hook = HOOK.format(port=self.hook) if self.name == "hostile" else ""
        toml.write_text(given + "\n".join(kept) + "\n" + hook)
        with self.ledger.serve():
            told = self.run()
        for name, passed, detail in told["checks"]:
            self.report.check(name, passed, detail)
        for verdict in told["verdicts"]:
            self.judge(**verdict)

    def run(self):
        """Runs the story's script; gives what it printed."""
        given = {"base": self.ledger.url, "dir": str(self.ledger.dir), "code": self.ledger.code,
                 "program": str(self.program), "work": str(self.base),
                 "pictures": str(self.pictures), "hook": self.hook}
        done = run(["node", HERE / "stories" / f"{self.name}.mjs", json.dumps(given)])
        try:
            return json.loads(done.stdout)
        except ValueError:
            return {"checks": [(f"the story {self.name}", False, done.stdout + done.stderr)],
                    "verdicts": []}

    def judge(self, name, file, roots, exit, says, more):
        """Whether the verifier says this of a file of evidence, if these keys are trusted."""
        self.ledger.trust = self.base / ("-".join(root[:8] for root in roots) + ".json")
        if not self.ledger.trust.exists():
            words = [word for root in roots for word in ("--root", root)]
            done = run([self.ledger.placet, "trust", "export", "--dir", self.ledger.dir, "--out",
                        self.ledger.trust, "--allow-dev", "--yes", *words])
            if done.returncode != 0:
                self.report.check(name, False, done.stdout + done.stderr)
                return
        done = run(self.ledger.check(file, *more))
        found = done.returncode == exit and says in done.stdout
        detail = f"exit {done.returncode}, expected {exit} and {says!r}\n"
        self.report.check(name, found, detail + done.stdout + done.stderr)
