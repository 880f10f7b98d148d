"""cddl-verifier: the shape of statement and receipt, and that both are deterministic CBOR."""

import pathlib
import subprocess
import sys

from export import judge

SCHEMAS = pathlib.Path(__file__).resolve().parents[2] / "proto" / "cddl"
RULES = [
    ("rfc9942.cddl", "Receipt_For_Inclusion", "receipt.cose"),
    ("rfc9943.cddl", "Receipt", "receipt.cose"),
    ("rfc9943.cddl", "Signed_Statement", "statement.cose"),
]


def check(_export):
    tool = str(pathlib.Path(sys.executable).parent / "cddl-verify")
    for schema, rule, file in RULES:
        command = [tool, str(SCHEMAS / schema), str(pathlib.Path(sys.argv[1]) / file)]
        command += ["-t", rule, "--require-deterministic", "-o", "/dev/null"]
        run = subprocess.run(command, capture_output=True, text=True, timeout=60)
        if run.returncode != 0:
            print(f"{schema} {rule}: {(run.stdout + run.stderr).strip()[:400]}")
            return False
    return True


judge("cddl-verifier", check)
