"""Stories of several people in several browsers, each on a ledger of its own; then the verdicts of
the verifier on what they left.
"""

import json
import pathlib
from concurrent.futures import ThreadPoolExecutor

from live import Ledger, free_port
from report import run

HERE = pathlib.Path(__file__).resolve().parent
# Settings of the ledgers, as lines of placet.toml. The longest story first.
STORIES = {
    "ended": "request_s = 12\n",
    "hostile": "",
    "quorum": "",
    "invite": "",
    "attacks": "",
    "policy": "",
    "objection": "recovery_delay_s = 86400\n",
    "recovery": "recovery_delay_s = 3\n",
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
# Stories mostly wait, for pages and for clocks.
AT_ONCE = 2


def tell(report, options, only=()):
    """Runs the stories; counts what each of them checked."""
    names = [name for name in STORIES if not only or name in only]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for name, checks in zip(names, pool.map(lambda name: told(options, name), names)):
            report.stage(f"story: {name}")
            for check in checks:
                report.check(*check)


def told(options, name):
    """The checks of one story: name, whether it passed, and what there is to say."""
    try:
        return Story(options, name).tell(STORIES[name])
    except (OSError, RuntimeError) as error:
        return [(f"the story {name}", False, str(error))]


class Story:
    """One story: a ledger that serves, a browser, and evidence."""

    def __init__(self, options, name):
        self.name = name
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
            return [("init", False, done.stdout + done.stderr)]
        self.settle(settings + SETTINGS)
        with self.ledger.serve():
            told = self.run()
        return told["checks"] + [self.judge(**verdict) for verdict in told["verdicts"]]

    def settle(self, given):
        """Puts settings in the place of those that `init` wrote."""
        toml = self.ledger.dir / "placet.toml"
        key = lambda line: line.split("=")[0].strip()  # noqa: E731
        keys = {key(line) for line in given.splitlines()}
        kept = [line for line in toml.read_text().splitlines() if key(line) not in keys]
        hook = HOOK.format(port=self.hook) if self.name == "hostile" else ""
        # Tables come last.
        toml.write_text(given + "\n".join(kept) + "\n" + hook)

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
        name_of = "-".join(["trust", *(root[:8] for root in roots)])
        self.ledger.trust = self.base / f"{name_of}.json"
        if not self.ledger.trust.exists():
            words = [word for root in roots for word in ("--root", root)]
            done = run([self.ledger.placet, "trust", "export", "--dir", self.ledger.dir, "--out",
                        self.ledger.trust, "--allow-dev", "--yes", *words])
            if done.returncode != 0:
                return name, False, done.stdout + done.stderr
        done = run(self.ledger.check(file, *more))
        detail = f"exit {done.returncode}, expected {exit} and {says!r}\n"
        passed = done.returncode == exit and says in done.stdout
        return name, passed, detail + done.stdout + done.stderr
