"""scitt-cose's own command line over statement and receipt: the independent RFC 9942 verifier."""

import json
import pathlib
import subprocess
import sys

from export import judge


def check(export):
    folder = pathlib.Path(sys.argv[1])
    command = [
        str(pathlib.Path(sys.executable).parent / "scitt-cose"),
        "--statement", str(folder / "statement.cose"),
        "--statement-pubkey", str(folder / "issuer.pem"),
        "--receipt", str(folder / "receipt.cose"),
        "--receipt-log-pubkey", str(folder / "log.pem"),
        "--leaf-entry-hex", export.entry.hex(),
        "--json",
    ]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    print(json.dumps(json.loads(run.stdout)) if run.stdout.startswith("{") else run.stderr.strip())
    return run.returncode == 0 and export.entry_matches()


judge("scitt-cose", check)
