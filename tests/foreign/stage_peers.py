"""The peers among themselves: that each can say no, before its yes is worth anything."""

import shutil

import synth
from report import Server, checker, run

# What the receipt checker of @transmute/cose cannot notice, for it never reads the issuer's key.
BLIND = {"transmute": {"issuer-key"}}


def cose(report, options):
    """Every COSE checker over a synthetic export, its spoiled copies, and misshapen receipts."""
    for label, alg in (("eddsa", synth.EDDSA), ("es256", synth.ES256)):
        base = options.work / "synthetic" / label
        shutil.rmtree(base, ignore_errors=True)
        good = synth.write(base / "good", alg)
        peers = ["scitt_cose", "cwt", "pycose"] + (["transmute"] if alg == synth.ES256 else [])
        accept_and_refuse(report, f"synthetic {label}", good, base / "spoiled", peers)


def accept_and_refuse(report, label, good, scratch, peers):
    """Counts one check per peer for the good folder and one for each spoiled copy of it."""
    for peer in peers:
        report.exits(f"{label}: {peer} accepts", checker(peer) + [good], 0)
    for name, folder in synth.spoiled(good, scratch):
        for peer in peers:
            if name not in BLIND.get(peer, ()):
                report.exits(f"{label}: {peer} refuses {name}", checker(peer) + [folder], 1)
    report.exits(f"{label}: cddl accepts", checker("cddl") + [good], 0)
    for name, folder in synth.misshapen(good, scratch):
        report.exits(f"{label}: cddl refuses {name}", checker("cddl") + [folder], 1)


def go(report, options):
    """A Tessera log whose checkpoints a Go witness cosigns, then fsck and note over its files."""
    base = options.work / "tessera"
    shutil.rmtree(base, ignore_errors=True)
    base.mkdir(parents=True)
    tessera_key(options, base)
    witness = [options.go / "witness", "--vkey-out", base / "wkey", "--logs", base]
    with Server(witness) as server:
        report.note_peer("\n".join(server.lines))
        write_policy(base, (base / "wkey").read_text().strip(), server.url)
        report.exits("Tessera log cosigned by the Go witness", tessera_log(options, base), 0)
    report.exits("Tessera log without its witness publishes nothing",
                 tessera_log(options, base) + ["--limit", "4s"], 1)
    check_log_files(report, options, "Tessera's own log", base / "log", base / "log.vkey",
                    [base / "wkey"])


def tessera_key(options, base):
    """A signing key for a Tessera log: files skey and vkey."""
    done = run([options.go / "tesseralog", "--new-key", "tessera.example/log",
                "--skey", base / "skey", "--vkey", base / "log.vkey"])
    assert done.returncode == 0, done.stderr


def write_policy(base, vkey, url):
    """A witness policy of one witness (C2SP tlog-policy)."""
    (base / "policy").write_text(f"witness w1 {vkey} {url}\nquorum w1\n")


def tessera_log(options, base):
    """The command that appends to a Tessera log in base/log under base/policy."""
    return [options.go / "tesseralog", "--dir", base / "log", "--skey", base / "skey",
            "--policy", base / "policy"]


def check_log_files(report, options, label, folder, vkey, cosigners):
    """note and fsck over a log's files; then over a copy with one tile byte changed."""
    note = [options.go / "notecheck", "--vkey", vkey]
    for cosigner in cosigners:
        note += ["--cosigner", cosigner]
    checkpoint = folder / "checkpoint"
    report.exits(f"{label}: sumdb/note opens the checkpoint", note + [checkpoint], 0)
    bad_note = options.work / "bad-checkpoint"
    lines = checkpoint.read_text().split("\n")
    lines[1] = str(int(lines[1]) + 1)
    bad_note.write_text("\n".join(lines))
    report.exits(f"{label}: sumdb/note refuses another size", note + [bad_note], 1)

    fsck = [options.go / "fsck", "--vkey", vkey]
    report.exits(f"{label}: Tessera's fsck accepts", fsck + [f"file://{folder.resolve()}"], 0)
    size = int(checkpoint.read_text().split("\n")[1])
    for kind in ("tile/0", "tile/entries"):
        bad = options.work / "bad-log"
        shutil.rmtree(bad, ignore_errors=True)
        shutil.copytree(folder, bad)
        flip_tile(bad / kind, size)
        name = f"{label}: Tessera's fsck refuses a changed byte in {kind}"
        report.exits(name, fsck + [f"file://{bad.resolve()}"], 1)


def flip_tile(folder, size):
    """Changes the last byte of the newest tile of level 0, or entry bundle, of a log this size."""
    full, partial = divmod(size, 256)
    name = str(full).zfill(3) + f".p/{partial}" if partial else str(full - 1).zfill(3)
    tile = folder / name
    tile.chmod(0o644)
    raw = bytearray(tile.read_bytes())
    raw[-1] ^= 1
    tile.write_bytes(raw)
