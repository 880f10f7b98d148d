"""Challenges and action-bound tokens of ours, by jose and oauth4webapi."""

import subprocess

from live import Ledger
from report import HERE


def run(report, options):
    base = options.work / "tokens"
    base.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(options, base, "foreign.example/tokens")
    if not report.check("init", ledger.init().returncode == 0):
        return
    with ledger.serve():
        ledger.enrol()
        token = (ledger.dir / "keys" / "pep-token").read_text().strip()
        command = ["node", HERE / "tokens.mjs", ledger.url, token, base / "action.json"]
        converse(report, command, ledger.approve)


def converse(report, command, approve):
    """Counts what a program says line by line; approves the requests that it names."""
    process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said = []
    for line in process.stdout:
        said.append(line)
        report.note_peer(line)
        word, _, rest = line.strip().partition(" ")
        if word in ("ok", "FAIL"):
            report.check(rest.split(":")[0], word == "ok", rest)
        elif word == "approve":
            done = approve(rest)
            report.check("a person approves", done.returncode == 0, done.stderr)
            process.stdin.write("approved\n")
            process.stdin.flush()
    code = process.wait()
    report.check("the program came to its end", code == 0, "".join(said[-20:]))
