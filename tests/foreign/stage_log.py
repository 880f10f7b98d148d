"""The demo's two logs, served by `placet serve`, read by programs that others wrote."""

import shutil
import urllib.request

import trustfile
from report import Server
from stage_peers import check_log_files

# Where the service publishes each log, as the folders of DIR are named.
PATHS = {"main": "log", "gov": "gov"}


def run(report, options):
    keys = trustfile.log_vkeys(options.demo / "trust.json")
    command = [options.placet, "serve", "--dir", options.demo, "--listen", "127.0.0.1:0"]
    with Server(command) as server:
        for role, (origin, vkey) in sorted(keys.items()):
            key_file = options.work / f"{role}.vkey"
            key_file.write_text(vkey + "\n")
            served(report, options, server.url, role, origin, key_file)
    for role, (origin, _) in sorted(keys.items()):
        files = options.work / f"{role}-files"
        shutil.rmtree(files, ignore_errors=True)
        shutil.copytree(options.demo / PATHS[role], files)
        cosigners = cosigner_files(options, role)
        check_log_files(report, options, f"{origin} on disk", files,
                        options.work / f"{role}.vkey", cosigners)


def served(report, options, url, role, origin, key_file):
    """The log as the service publishes it: fsck over HTTP, note over the served checkpoint."""
    base = f"{url}/{PATHS[role]}/"
    fsck = [options.go / "fsck", "--vkey", key_file, "--origin", origin, base]
    report.exits(f"{origin} served: Tessera's fsck accepts", fsck, 0)
    with urllib.request.urlopen(base + "checkpoint", timeout=20) as answer:
        kind = answer.headers.get("Content-Type", "")
        note = options.work / f"{role}.checkpoint"
        note.write_bytes(answer.read())
    report.check(f"{origin} served: content type of the checkpoint",
                 kind.replace(" ", "").lower() == "text/plain;charset=utf-8", kind)
    command = [options.go / "notecheck", "--vkey", key_file]
    for cosigner in cosigner_files(options, role):
        command += ["--cosigner", cosigner]
    report.exits(f"{origin} served: sumdb/note opens the checkpoint", command + [note], 0)


def cosigner_files(options, role):
    """One file per witness of the log's policy in the demo's trust file."""
    files = []
    for number, key in enumerate(trustfile.witness_vkeys(options.demo / "trust.json", role)):
        path = options.work / f"{role}.witness{number}.vkey"
        path.write_text(key + "\n")
        files.append(path)
    return files
