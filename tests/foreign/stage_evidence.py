"""The demo's evidence, exported and given to verifiers that others wrote."""

import re
import shutil

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

import stage_webauthn
from export import Export
from report import run as start
from stage_peers import accept_and_refuse

SSH_COMMAND = re.compile(r"^\s*ssh-keygen -Y verify .*<.*$")


def run(report, options):
    cose(report, options)
    ssh(report, options)
    stage_webauthn.evidence(report, options)


def cose(report, options):
    """`placet-verify export-cose`, then every COSE peer, accept and refuse."""
    out = options.work / "export-cose"
    shutil.rmtree(out, ignore_errors=True)
    command = [options.verify, "export-cose", options.demo / "evidence.placet", "--out", out]
    if report.exits("placet-verify export-cose", command, 0).returncode != 0:
        return
    peers = ["scitt_cose", "cwt", "pycose"]
    if isinstance(Export(out).log_key, EllipticCurvePublicKey):
        peers.append("transmute")
    accept_and_refuse(report, "demo evidence", out, options.work / "export-cose-spoiled", peers)


def ssh(report, options):
    """`placet-verify export-ssh`, then the command it prints, as it prints it."""
    out = options.work / "export-ssh"
    shutil.rmtree(out, ignore_errors=True)
    command = [options.verify, "export-ssh", options.demo / "evidence.placet", "--out", out]
    done = report.exits("placet-verify export-ssh", command, 0)
    lines = [line.strip() for line in done.stdout.splitlines() if SSH_COMMAND.match(line)]
    if not report.check("export-ssh prints one ssh-keygen command", len(lines) == 1, done.stdout):
        return
    report.peers["ssh-keygen"] = start(["ssh", "-V"]).stderr.split(",")[0].strip()
    line = lines[0]
    report.exits("ssh-keygen accepts the document", ["bash", "-c", line], 0, cwd="/")

    document = line.rsplit("<", 1)[1].strip().strip("'\"")
    raw = bytearray(open(document, "rb").read())
    raw[len(raw) // 2] ^= 1
    changed = options.work / "changed-document"
    changed.write_bytes(raw)
    other = line.rsplit("<", 1)[0] + f"< '{changed.resolve()}'"
    done = start(["bash", "-c", other], cwd="/")
    report.check("ssh-keygen refuses one changed byte", done.returncode not in (0, 124, 127),
                 done.stdout + done.stderr)
    other = re.sub(r"-n \S+", "-n placet-deny-v1", line)
    done = start(["bash", "-c", other], cwd="/")
    report.check("ssh-keygen refuses another namespace", done.returncode not in (0, 124, 127),
                 done.stdout + done.stderr)
