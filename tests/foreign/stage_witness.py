"""Witnesses across implementations: theirs over our log, ours over theirs.

The ledger under the foreign witness signs its receipts with ES256, for the verifiers that take
nothing else.
"""

import json
import shutil

import stage_peers
from live import Ledger
from report import Server
from report import run as start


def run(report, options):
    theirs_over_ours(report, options)
    ours_over_theirs(report, options)


def theirs_over_ours(report, options):
    """A Go witness is the only one in the policy of a ledger of ours."""
    base = fresh(options, "go-witness")
    logs = base / "logs"
    logs.mkdir()
    witness = [options.go / "witness", "--vkey-out", base / "wkey", "--logs", logs]
    with Server(witness) as server:
        report.note_peer("\n".join(server.lines))
        stage_peers.write_policy(base, (base / "wkey").read_text().strip(), server.url)
        ledger = Ledger(options, base, "foreign.example/placet")
        settings = ["--witness-policy", base / "policy", "--receipt-alg", "es256"]
        done = ledger.init(*settings)
        # A witness cosigns no log that it does not know: init makes the keys, and asks for them
        # to be made known.
        report.check("init waits for its witness", done.returncode != 0 and "witness" in
                     done.stdout + done.stderr, done.stdout + done.stderr)
        for role, vkey in ledger.log_vkeys().items():
            (logs / f"{role}.vkey").write_text(vkey + "\n")
        done = ledger.init(*settings)
        if not report.check("init under the Go witness", done.returncode == 0, done.stderr):
            return
        evidence = a_story(report, ledger)
        for role, folder in (("main", "log"), ("gov", "gov")):
            note = [options.go / "notecheck", "--vkey", logs / f"{role}.vkey",
                    "--cosigner", base / "wkey", ledger.dir / folder / "checkpoint"]
            report.exits(f"our {role} log is cosigned by the Go witness", note, 0)
    report.exits("evidence cosigned by the Go witness passes", ledger.check(evidence), 0)
    out = base / "export-cose"
    export = [options.verify, "export-cose", evidence, "--out", out]
    report.exits("export-cose, ES256 receipt", export, 0)
    stage_peers.accept_and_refuse(report, "ES256 evidence", out, base / "spoiled",
                                  ["scitt_cose", "cwt", "pycose", "transmute"])


def a_story(report, ledger):
    """Enrol, request, approve; gives the evidence and leaves a trust file."""
    with ledger.serve():
        credential = ledger.enrol()
        request = ledger.request()
        done = ledger.approve(request)
        said = done.stdout + done.stderr
        report.check("approval under the Go witness", done.returncode == 0, said)
        evidence = ledger.evidence(request)
    done = ledger.export_trust(credential)
    report.check("trust export", done.returncode == 0, done.stdout + done.stderr)
    return evidence


def ours_over_theirs(report, options):
    """Our witness is the only one in the policy of a Tessera log."""
    base = fresh(options, "our-witness")
    stage_peers.tessera_key(options, base)
    vkey = (base / "log.vkey").read_text().strip()
    done = start([options.placet, "--json", "witness", "init", "--dir", base / "witness",
                  "--name", "witness.example/placet", "--log", vkey])
    if not report.check("placet witness init", done.returncode == 0, done.stdout + done.stderr):
        return
    (base / "wkey").write_text(json.loads(done.stdout)["vkey"] + "\n")
    serve = [options.placet, "witness", "serve", "--dir", base / "witness",
             "--listen", "127.0.0.1:0"]
    with Server(serve) as server:
        stage_peers.write_policy(base, (base / "wkey").read_text().strip(), server.url)
        report.exits("Tessera log cosigned by our witness",
                     stage_peers.tessera_log(options, base), 0)
    stage_peers.check_log_files(report, options, "Tessera log under our witness", base / "log",
                                base / "log.vkey", [base / "wkey"])


def fresh(options, name):
    """An empty scratch folder."""
    base = options.work / name
    shutil.rmtree(base, ignore_errors=True)
    base.mkdir(parents=True)
    return base
