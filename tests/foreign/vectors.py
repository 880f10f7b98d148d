"""scitt-cose's published vectors, from the PyPI source distribution.

usage: vectors.py CACHE_FOLDER      lists: verdict, name, arguments for `placet-verify receipt`
"""

import json
import pathlib
import subprocess
import sys
import tarfile

VERSION = "0.5.0"


def fetch(cache):
    """The folder of test vectors; downloads and unpacks the source distribution once."""
    folder = pathlib.Path(cache) / f"scitt_cose-{VERSION}" / "test-vectors"
    if not folder.is_dir():
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary",
                   "scitt-cose", "--dest", str(cache), f"scitt-cose=={VERSION}"]
        subprocess.run(command, check=True, timeout=300)
        with tarfile.open(pathlib.Path(cache) / f"scitt_cose-{VERSION}.tar.gz") as archive:
            archive.extractall(cache, filter="data")
    return folder


def cases(folder):
    """Yields (name, accept, arguments) for each vector, v1 with its statement, receipt-v1 alone."""
    for vector in sorted((folder / "v1").iterdir()):
        if vector.is_dir():
            yield from statement_cases(vector)
    for vector in sorted((folder / "receipt-v1").iterdir()):
        if vector.is_dir():
            expected = json.loads((vector / "expected.json").read_text())
            arguments = ["--receipt", str(vector / "receipt.cose"),
                         "--receipt-log-pubkey", str(vector / "log-key.pub"),
                         "--leaf-entry-hex", expected["leaf_entry_hex"]]
            yield f"receipt-v1/{vector.name}", expected["ok"], arguments


def statement_cases(vector):
    expected = json.loads((vector / "expected.json").read_text())
    # The CCF profile (vds 2) is valid COSE of a kind that RFC 9942 does not define: to us it is
    # an unknown verifiable data structure, which must not pass.
    accept = expected["result"] == "VALID" and expected["protected_header"]["receipt"]["vds"] == 1
    for receipt in sorted(vector.glob("receipt*.cose")):
        suffix = receipt.stem.removeprefix("receipt")
        yield f"v1/{vector.name}{suffix}", accept, [
            "--statement", str(vector / "statement.cose"),
            "--statement-pubkey", str(vector / "issuer-key.pub"),
            "--receipt", str(receipt),
            "--receipt-log-pubkey", str(vector / "log-key.pub"),
            "--leaf-entry-hex", expected["leaf_entry"],
        ]


if __name__ == "__main__":
    for case, verdict, words in cases(fetch(sys.argv[1])):
        print("accept" if verdict else "reject", case, *words)
