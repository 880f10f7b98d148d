"""The folder that `placet-verify export-cose` writes, and what every checker here reads.

    statement.cose  tagged COSE_Sign1, empty unprotected header
    receipt.cose    tagged COSE_Sign1, RFC 9942 inclusion receipt, payload detached
    entry.hex       the log entry: SHA-256 of statement.cose
    issuer.pem      public key of the statement
    log.pem         public key of the receipt
"""

import hashlib
import pathlib
import sys
from importlib.metadata import version

import cbor2
from cryptography.hazmat.primitives.serialization import load_pem_public_key

ACCEPT, REFUSE, BROKEN = 0, 1, 2


class Export:
    """One folder, read and taken apart with cbor2 alone."""

    def __init__(self, folder):
        folder = pathlib.Path(folder)
        self.statement = (folder / "statement.cose").read_bytes()
        self.receipt = (folder / "receipt.cose").read_bytes()
        self.entry = bytes.fromhex((folder / "entry.hex").read_text().strip())
        self.issuer_pem = (folder / "issuer.pem").read_bytes()
        self.log_pem = (folder / "log.pem").read_bytes()
        self.issuer_key = load_pem_public_key(self.issuer_pem)
        self.log_key = load_pem_public_key(self.log_pem)

    def entry_matches(self):
        """Whether the entry is the digest of the statement, Placet's leaf rule."""
        return self.entry == hashlib.sha256(self.statement).digest()

    def root(self):
        """The Merkle Tree Hash that the receipt's first inclusion proof leads to (RFC 9162)."""
        proof = cbor2.loads(self.receipt).value[1][396][-1][0]
        size, index, path = cbor2.loads(proof)
        return root_from_path(size, index, leaf_hash(self.entry), path)

    def kid(self, message):
        """The key id in the protected header."""
        return cbor2.loads(cbor2.loads(message).value[0]).get(4)


def leaf_hash(entry):
    """RFC 9162 2.1.1."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left, right):
    """RFC 9162 2.1.1."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_from_path(size, index, node, path):
    """RFC 9162 2.1.3.2, without the comparison at the end."""
    if index >= size:
        raise ValueError("leaf index is not in the tree")
    last = size - 1
    for sibling in path:
        if last == 0:
            raise ValueError("path too long")
        if index & 1 or index == last:
            node = node_hash(sibling, node)
            while index and not index & 1:
                index >>= 1
                last >>= 1
        else:
            node = node_hash(node, sibling)
        index >>= 1
        last >>= 1
    if last:
        raise ValueError("path too short")
    return node


def judge(package, check):
    """Runs check(Export): True is accept, False or an exception of the peer is refuse."""
    if len(sys.argv) != 2:
        print(f"usage: {sys.argv[0]} EXPORT_FOLDER", file=sys.stderr)
        sys.exit(BROKEN)
    print(f"peer {package} {version(package)}")
    try:
        export = Export(sys.argv[1])
    except OSError as error:
        print(error, file=sys.stderr)
        sys.exit(BROKEN)
    except ValueError as error:
        print(f"refused: {error}")
        sys.exit(REFUSE)
    try:
        accepted = check(export)
    except ImportError:
        raise
    except Exception as error:  # Peers raise what they like; every one of them is a refusal.
        print(f"refused: {type(error).__name__}: {error}")
        sys.exit(REFUSE)
    print("accepted" if accepted else "refused")
    sys.exit(ACCEPT if accepted else REFUSE)
