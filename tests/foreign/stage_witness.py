"""Witnesses across implementations: theirs over our log, ours over theirs."""

import shutil

import stage_peers
import trustfile
from report import Server
from report import run as start


def run(report, options):
    theirs_over_ours(report, options)
    ours_over_theirs(report, options)


def theirs_over_ours(report, options):
    """A Go witness is the only one in the policy of a new ledger of ours."""
    base = options.work / "go-witness"
    shutil.rmtree(base, ignore_errors=True)
    base.mkdir(parents=True)
    ledger = base / "ledger"
    done = start([options.placet, "init", "--dir", ledger, "--dev", "--witness", "none"])
    if not report.check("init of a ledger for a foreign witness", done.returncode == 0, done.stderr):
        return
    keys = trustfile.log_vkeys(ledger / "trust.json")
    command = [options.go / "witness", "--vkey-out", base / "wkey"]
    for role, (_, vkey) in keys.items():
        (base / f"{role}.vkey").write_text(vkey + "\n")
        command += ["--log", base / f"{role}.vkey"]
    with Server(command) as witness:
        report.note_peer("\n".join(witness.lines))
        stage_peers.write_policy(base, (base / "wkey").read_text().strip(), witness.url)
        serve = [options.placet, "serve", "--dir", ledger, "--listen", "127.0.0.1:0",
                 "--witness-policy", base / "policy"]
        with Server(serve):
            for role, folder in (("main", "log"), ("gov", "gov")):
                note = [options.go / "notecheck", "--vkey", base / f"{role}.vkey",
                        "--cosigner", base / "wkey", ledger / folder / "checkpoint"]
                report.exits(f"our {role} log is cosigned by the Go witness", note, 0)


def ours_over_theirs(report, options):
    """Our witness is the only one in the policy of a Tessera log."""
    base = options.work / "our-witness"
    shutil.rmtree(base, ignore_errors=True)
    base.mkdir(parents=True)
    stage_peers.tessera_key(options, base)
    command = [options.placet, "witness", "serve", "--dir", base / "witness",
               "--listen", "127.0.0.1:0", "--log", base / "vkey", "--vkey-out", base / "wkey"]
    with Server(command) as server:
        stage_peers.write_policy(base, (base / "wkey").read_text().strip(), server.url)
        report.exits("Tessera log cosigned by our witness",
                     stage_peers.tessera_log(options, base), 0)
    stage_peers.check_log_files(report, options, "Tessera log under our witness", base / "log",
                                base / "vkey", [base / "wkey"])
