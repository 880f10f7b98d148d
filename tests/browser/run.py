"""Chromium with a virtual passkey against the running service; then the evidence it gave.

usage: run.py --placet FILE --verify FILE --work DIR --cache DIR [--only STORY]..

Last line: "browser: N passed, N failed".
"""

import argparse
import json
import pathlib
import shutil
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "foreign"))

import stage_evidence  # noqa: E402
import stage_webauthn  # noqa: E402
import stories  # noqa: E402
from live import ACTION, Ledger  # noqa: E402
from report import Report, run  # noqa: E402


def main():
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for name in ("placet", "verify", "work", "cache"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--only", action="append", default=[], help="one of the stories; no more")
    options = parser.parse_args()
    shutil.rmtree(options.work, ignore_errors=True)
    options.work.mkdir(parents=True)
    report = Report()
    person = Person(options)
    ledger = Ledger(options, options.work, "browser.example/placet")
    done = ledger.init()
    if not options.only and report.check("init", done.returncode == 0, done.stdout + done.stderr):
        story(report, options, ledger, person)
    stories.tell(report, options, options.only)
    report.finish("browser")
    sys.exit(0 if report.failed == 0 and report.passed > 0 else 1)


def story(report, options, ledger, person):
    """Enrol, be refused once, approve one request and deny another; judge what came of it."""
    with ledger.serve():
        enrolled = person.does("enrol", ledger, "--name", "Alice", "--code", ledger.code)
        credential = enrolled.get("credential")
        if not report.check("Chromium enrols", bool(credential), str(enrolled)):
            return

        approved = ledger.request()
        path = f"/approve/{approved}"
        refused = person.does("approve", ledger, "--path", path, "--unverified")
        report.check("no verification, no approval",
                     "error" not in refused and refused["assertion"] is None, str(refused))
        answer = person.does("approve", ledger, "--path", path)
        report.check("Chromium approves", "assertion" in answer, str(answer))
        report.check("the page shows the exact action", answer.get("action") == ACTION, str(answer))

        # An equal action would join the request that is approved.
        other = {**ACTION, "context": {"ticket": "another"}}
        (ledger.base / "other-action.json").write_text(json.dumps(other))
        denied = ledger.request("other-action.json")
        answer = person.does("deny", ledger, "--path", f"/approve/{denied}")
        report.check("Chromium denies", "assertion" in answer, str(answer))
        report_answers(report, ledger, person)
        yes, no = ledger.evidence(approved), ledger.evidence(denied, "denied.placet")
        path = f"/receipt/request/{denied}"
        answer = person.does("erase", ledger, "--path", path, "--reason", "asked for")
        report.check("Chromium erases", bool(answer.get("assertion")), str(answer))
        gone = ledger.evidence(denied, "erased.placet")
    done = ledger.export_trust(ledger.enrolled()[0])
    report.check("trust export", done.returncode == 0, done.stdout + done.stderr)
    verdicts(report, options, ledger, yes, no)
    report.exits("evidence of what was erased is undecided", ledger.check(gone, "--denial"), 3)


def report_answers(report, ledger, person):
    """What may happen while somebody answers: double clicks, two tabs, broken connections."""
    long = {**ACTION, "context": {"ticket": "\n".join(f"{i}. see mail {i}" for i in range(120))}}
    (ledger.base / "long.json").write_text(json.dumps(long))
    command = [str(part) for part in (
        ledger.placet, "--json", "request", "--url", ledger.url,
        "--token-file", ledger.dir / "keys" / "pep-token")]
    done = run(["node", HERE / "answers.mjs", "--base", ledger.url, "--state", person.state,
                "--pictures", person.pictures,
                "--request", json.dumps([*command, str(ledger.base / "action.json")]),
                "--long", json.dumps([*command, str(ledger.base / "long.json")])])
    try:
        checks = json.loads(done.stdout)["checks"]
    except ValueError:
        checks = [("the answers", False, done.stdout + done.stderr)]
    for name, passed, detail in checks:
        report.check(name, passed, detail)


def verdicts(report, options, ledger, yes, no):
    """Our verifier, ssh-keygen and four WebAuthn libraries over the browser's evidence."""
    action = ledger.base / "action.json"
    report.exits("the approval passes", ledger.check(yes, "--action", action), 0)
    report.exits("the denial is no approval", ledger.check(no), 1)
    report.exits("the denial passes as one", ledger.check(no, "--denial"), 0)
    # The stages of the foreign suite look for a demo's files; this folder has them too.
    options.demo = options.work
    stage_evidence.ssh(report, options)
    stage_webauthn.evidence(report, options)


class Person:
    """Somebody at a browser: drive.mjs, with the passkeys that it keeps."""

    def __init__(self, options):
        self.state = options.work / "passkeys.json"
        self.pictures = options.work / "pictures"
        self.pictures.mkdir(exist_ok=True)

    def does(self, task, ledger, *more):
        """Runs one task and gives what drive.mjs printed."""
        picture = self.pictures / f"{len(list(self.pictures.iterdir()))}-{task}.png"
        done = run(["node", HERE / "drive.mjs", task, "--base", ledger.url, "--state", self.state,
                    "--screenshot", picture, *more])
        try:
            return json.loads(done.stdout)
        except ValueError:
            return {"error": done.stdout + done.stderr}


if __name__ == "__main__":
    main()
