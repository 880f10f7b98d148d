"""An operator who lies, with all keys of the ledger, against real witnesses and real mirrors.

Two copies of one ledger's folder, with the same keys, go on with different entries. Three witnesses
of a policy "two of three": one of ours, one of transparency-dev's, and a third of ours that is told
the other history, or whose owner is on the operator's side. For each lie: who finds it, with what
words, and that the file of evidence convinces somebody who has nothing but the trust file.
"""

import hashlib
import http.server
import json
import shutil
import threading
import urllib.error
import urllib.request

from live import ACTION, Ledger, free_port
from report import Server
from report import run as start
from stage_witness import fresh

ORIGIN = "liar.example/placet"
MISBEHAVED = 6


class Stage:
    """The ledger, the witnesses, and the operator's second folder."""

    def __init__(self, report, options):
        self.report, self.options = report, options
        self.base = fresh(options, "liar")
        self.ledger = Ledger(options, self.base, ORIGIN)
        self.trust = self.ledger.trust
        self.ports = {"ours": free_port(), "third": free_port()}
        self.second = self.base / "second"
        self.count = 0

    # - Witnesses

    def witness(self, name, folder=None):
        """One of ours, running."""
        folder = folder or self.base / name
        return Server([self.options.placet, "witness", "serve", "--dir", folder,
                       "--listen", f"127.0.0.1:{self.ports[name]}"])

    def make_witness(self, name, logs=()):
        command = [self.options.placet, "--json", "witness", "init", "--dir", self.base / name,
                   "--name", f"{name}.example/w"]
        for vkey in logs:
            command += ["--log", vkey]
        done = start(command)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)["vkey"]

    # - The ledger

    def grow(self, ledger, size):
        """Decisions, each an entry of its own, until the main log has this size."""
        while size_of(get(f"{ledger.url}/log/checkpoint-fast")) < size:
            self.count += 1
            action = json.loads(json.dumps(ACTION))
            action["resource"]["id"] = f"U{self.count:05}"
            path = self.base / "grow.json"
            path.write_text(json.dumps(action))
            done = start([self.options.placet, "--json", "request", "--url", ledger.url,
                          "--token-file", ledger.dir / "keys" / "pep-token", path])
            assert done.returncode == 3, done.stdout + done.stderr

    def published(self, ledger, size):
        """Waits until the main log's cosigned checkpoint has this size, and gives it."""
        for _ in range(200):
            note = get(f"{ledger.url}/log/checkpoint")
            if size_of(note) >= size:
                return note
            threading.Event().wait(0.1)
        raise AssertionError(f"no cosigned checkpoint of size {size}: {note}")

    def other(self, name, reachable):
        """The operator's second folder again, in which only these witnesses have an address."""
        folder = self.base / name
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.second, folder)
        settings = folder / "placet.toml"
        lines = []
        for line in settings.read_text().splitlines():
            words = line.split()
            if words[:1] == ["witness"] and words[1] not in reachable:
                line = " ".join(words[:3])
            lines.append(line)
        settings.write_text("\n".join(lines) + "\n")
        other = Ledger(self.options, self.base, ORIGIN)
        other.dir, other.port, other.url = folder, self.ledger.port, self.ledger.url
        return other

    # - Readers

    def mirror(self, url, copy, *more):
        return start([self.options.placet, "log", "mirror", url, "--out", self.base / copy,
                      "--trust", self.trust, "--once", *more])

    def convinces(self, what, evidence):
        """The file alone, under the trust file; and not under the trust file of another ledger."""
        command = [self.options.verify, "consistency", evidence, "--trust"]
        done = self.report.exits(f"{what}: the evidence alone is LOG MISBEHAVED",
                                 command + [self.trust], MISBEHAVED)
        self.report.check(f"{what}: and says so", done.stdout.startswith("LOG MISBEHAVED"),
                          done.stdout)
        stranger = self.base / "stranger.json"
        trust = json.loads(self.trust.read_text())
        for log in trust["logs"]:
            log["keys"] = [key for key in log["keys"] if key["purpose"] != "checkpoint"]
        stranger.write_text(json.dumps(trust))
        self.report.exits(f"{what}: without the log's keys it is nothing", command + [stranger], 1)

    def caught(self, what, url, copy):
        """A mirror that knows the honest history is shown another one."""
        folder = self.base / f"{copy}-{what.split()[0]}"
        shutil.copytree(self.base / copy, folder)
        before = (folder / "log" / "checkpoint").read_bytes()
        done = self.mirror(url, folder.name)
        self.report.check(f"{what}: the mirror ends with LOG MISBEHAVED",
                          done.returncode == MISBEHAVED and "log.equivocation" in done.stderr,
                          f"exit {done.returncode}\n{done.stdout}{done.stderr}")
        self.report.check(f"{what}: its copy is what it was",
                          (folder / "log" / "checkpoint").read_bytes() == before)
        self.convinces(what, folder / "log" / "log-misbehaved.json")


class Lying:
    """Shows the operator's own checkpoint, which no quorum cosigned, as if it were published."""

    def __init__(self, url, notes=None):
        notes = notes or {}

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                path = self.path
                if path.endswith("/checkpoint") and path not in notes:
                    path += "-fast"
                try:
                    body = notes.get(path) or get(url + path, raw=True)
                    self.send_response(200)
                except urllib.error.HTTPError as error:
                    body = b""
                    self.send_response(error.code)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def run(report, options):
    stage = Stage(report, options)
    logs = stage.base / "logs"
    logs.mkdir()
    go = [options.go / "witness", "--vkey-out", stage.base / "go.vkey", "--logs", logs]
    with Server(go) as go_server:
        report.note_peer("\n".join(go_server.lines))
        if not begin(stage, logs, go_server.url):
            return
        honest(stage)
        hidden_fork(stage)
        rollback(stage)
        false_witness(stage)


def begin(stage, logs, go_url):
    """A ledger under "two of three", some entries, and the folder that the lies begin from."""
    report, ledger = stage.report, stage.ledger
    vkeys = {"ours": stage.make_witness("ours"), "third": stage.make_witness("third"),
             "go": (stage.base / "go.vkey").read_text().strip()}
    urls = {"go": go_url}
    urls |= {name: f"http://127.0.0.1:{port}" for name, port in stage.ports.items()}
    lines = [f"witness {name} {vkeys[name]} {urls[name]}" for name in ("ours", "go", "third")]
    policy = stage.base / "policy"
    policy.write_text("\n".join(lines) + "\ngroup two 2 ours go third\nquorum two\n")
    settings = ["--witness-policy", policy]
    ledger.init(*settings)
    keys = ledger.log_vkeys()
    for role, vkey in keys.items():
        (logs / f"{role}.vkey").write_text(vkey + "\n")
    for name in ("ours", "third"):
        stage.make_witness(name, keys.values())
    with stage.witness("ours"), stage.witness("third"):
        done = ledger.init(*settings)
        if not report.check("init under two of three", done.returncode == 0, done.stderr):
            return False
        with ledger.serve():
            credential = ledger.enrol()
            # What a service records of itself comes first, so that sizes are known from here on.
            done = start([stage.options.placet, "--json", "token", "create", "--dir", ledger.dir,
                          "--label", "mirror", "--scope", "evidence.read"])
            (stage.base / "token").write_text(json.loads(done.stdout)["token"])
            stage.grow(ledger, 7)
            stage.begun = size_of(stage.published(ledger, 7))
    done = ledger.export_trust(credential)
    shutil.copytree(ledger.dir, stage.second)
    shutil.copytree(stage.base / "third", stage.base / "third-then")
    return report.check("trust export", done.returncode == 0, done.stdout + done.stderr)


def honest(stage):
    """The history that most readers see; the third witness is not asked about it."""
    report, ledger = stage.report, stage.ledger
    stage.size = stage.begun + 4
    with stage.witness("ours"), ledger.serve():
        stage.grow(ledger, stage.size)
        stage.note = stage.published(ledger, stage.size)
        done = stage.mirror(ledger.url, "reader", "--token-file", stage.base / "token")
        report.check("a mirror follows both logs", done.returncode == 0, done.stdout + done.stderr)
        statements = stage.base / "reader" / "log" / "statements" / "0"
        report.check("with their statements", statements.exists(), done.stdout)
        audit = [stage.options.verify, "audit", stage.base / "reader", "--trust", stage.trust,
                 "--json"]
        done = report.exits("an audit of the mirror's copy", audit, (0, 3))
        report.check("whose trees, notes and statements are all there",
                     not any(code in done.stdout for code in ("log.root", "log.checkpoint",
                                                              "body.missing", "order.after",
                                                              "time.lower_open")), done.stdout)
        done = stage.mirror(ledger.url, "reader", "--no-bodies")
        report.check("and finds nothing new", done.stdout.count("unchanged") +
                     done.stdout.count("renewed") == 2, done.stdout + done.stderr)
        done = stage.mirror(ledger.url, "thief", "--token-file", ledger.dir / "FORMAT")
        report.check("without a token's scope no statement", done.returncode == 5 and
                     not (stage.base / "thief" / "log" / "statements").exists(), done.stderr)
    report.check("the honest checkpoint is cosigned by two", cosigners(stage.note) ==
                 {"ours.example/w", "witness.example/go"}, stage.note)


def hidden_fork(stage):
    """A fork that only the third witness is shown, which knows no better."""
    report, other = stage.report, stage.other("hidden", {"third"})
    with stage.witness("third") as third, other.serve():
        stage.grow(other, stage.size)
        theirs = seen_by(third.url, ORIGIN, stage.size)
        report.check("hidden fork: the witness that knows no better cosigns it",
                     cosigners(theirs) == {"third.example/w"}, theirs)
        note = get(f"{other.url}/log/checkpoint")
        report.check("hidden fork: without quorum it is not published", size_of(note) == stage.begun, note)
        with Lying(other.url) as lying:
            refused(stage, "hidden fork", lying.url, "fresh-hidden")
            stage.caught("equivocation by a fork of the same size", lying.url, "reader")
        by_hand(stage, "split view", stage.note, theirs)
    # The witnesses' own records find it, too: the third one meets the honest history.
    ledger = stage.ledger
    with stage.witness("ours"), stage.witness("third"), ledger.serve():
        stage.size += 1
        stage.grow(ledger, stage.size)
        note = stage.published(ledger, stage.size)
        report.check("hidden fork: the honest history goes on without the third witness",
                     cosigners(note) == {"ours.example/w", "witness.example/go"}, note)
        alarmed(stage, "hidden fork: the service says which witness holds another history",
                ledger, {"witness.fork"})


def rollback(stage):
    """The older folder is restored and goes on: first shorter than what was cosigned, then longer."""
    report, other = stage.report, stage.other("rollback", {"ours", "go", "third"})
    with stage.witness("ours"):
        with other.serve(), Lying(other.url) as lying:
            stage.grow(other, stage.size - 1)
            alarmed(stage, "rollback: both witnesses hold more than the log has", other,
                    {"witness.ahead"})
            stage.caught("rollback to a shorter history", lying.url, "reader")
            stage.grow(other, stage.size + 3)
            alarmed(stage, "rollback: both witnesses hold another history", other, {"witness.fork"})
            stage.caught("regrown beyond what was cosigned", lying.url, "reader")
            refused(stage, "rollback", lying.url, "fresh-rollback")
            note = get(f"{other.url}/log/checkpoint")
            report.check("rollback: nothing new is published", size_of(note) == stage.begun, note)
            done = stage.mirror(other.url, "reader")
            report.check("rollback: the old checkpoint itself is no lie, and is told",
                         done.returncode == 0 and "older than" in done.stdout,
                         done.stdout + done.stderr)


def false_witness(stage):
    """The third witness lies with the operator: two folders of it, with one key, one for each
    history. The quorum asks for two."""
    report, ledger = stage.report, stage.ledger
    for name in ("third-a", "third-b"):
        shutil.copytree(stage.base / "third-then", stage.base / name)
    with stage.witness("ours"), stage.witness("third", stage.base / "third-a"), ledger.serve():
        stage.size += 1
        stage.grow(ledger, stage.size)
        note = stage.published(ledger, stage.size)
        report.check("false witness: it cosigns the honest history",
                     "third.example/w" in cosigners(note), note)
        done = stage.mirror(ledger.url, "reader")
        report.check("false witness: the mirror goes on", done.returncode == 0, done.stderr)
    other = stage.other("false", {"third"})
    with stage.witness("third", stage.base / "third-b") as third, other.serve():
        stage.grow(other, stage.size)
        theirs = seen_by(third.url, ORIGIN, stage.size)
        with Lying(other.url, {"/log/checkpoint": theirs.encode()}) as lying:
            refused(stage, "false witness: one of two is not enough", lying.url, "fresh-false")
            stage.caught("false witness", lying.url, "reader")
    evidence = stage.base / "reader-false" / "log" / "log-misbehaved.json"
    notes = json.loads(evidence.read_text())["notes"]
    report.check("false witness: the evidence shows its key under both histories",
                 all("third.example/w" in cosigners(note) for note in notes), str(notes))


# - What readers do


def refused(stage, what, url, copy):
    """Somebody who knows nothing yet is not taken in, for the quorum is missing."""
    done = stage.mirror(url, copy)
    stage.report.check(f"{what}: a new reader refuses it for its quorum",
                       done.returncode == 3 and "witness.quorum" in done.stderr,
                       f"exit {done.returncode}\n{done.stdout}{done.stderr}")
    stage.report.check(f"{what}: and is left with nothing",
                       not (stage.base / copy / "log" / "checkpoint").exists())


def by_hand(stage, what, one, other):
    """Two readers compare what they were shown."""
    (stage.base / "one").write_text(one)
    (stage.base / "other").write_text(other)
    out = stage.base / "by-hand.json"
    stage.report.exits(f"{what}: two readers compare their checkpoints",
                       [stage.options.verify, "consistency", stage.base / "one",
                        stage.base / "other", "--trust", stage.trust, "--out", out], MISBEHAVED)
    stage.convinces(what, out)


def alarmed(stage, what, ledger, codes):
    """The service's first page names the alarm, as soon as the witnesses were asked."""
    for _ in range(200):
        page = get(f"{ledger.url}/")
        if any(f"alarm: {code}" in page for code in codes):
            return stage.report.check(what, True)
        threading.Event().wait(0.1)
    return stage.report.check(what, False, page)


def seen_by(url, origin, size):
    """What a witness of ours tells monitors, once it has seen that size."""
    path = hashlib.sha256(origin.encode()).hexdigest()
    for _ in range(200):
        note = get(f"{url}/{path}/checkpoint")
        if size_of(note) >= size:
            return note
        threading.Event().wait(0.1)
    raise AssertionError(f"the witness has not seen size {size}: {note}")


def get(url, raw=False):
    with urllib.request.urlopen(url, timeout=20) as answer:
        body = answer.read()
    return body if raw else body.decode()


def size_of(note):
    return int(note.split("\n")[1])


def cosigners(note):
    """Names of the keys under a note, the log's own apart."""
    lines = note.rsplit("\n\n", 1)[1].splitlines()
    return {line.split()[1] for line in lines} - {ORIGIN}
